// How pictures come in: dropped anywhere, pasted, chosen, photographed. What the browser cannot show itself (TIFF, say)
// is turned into a PNG by the gateway first. Hands files over; knows nothing of what becomes of them.

import { byId, show } from './element.js';
import { edit } from './gateway.js';
import { decode, ending, toBlob } from './photo.js';

/** Return the file itself, or what the gateway makes of it; throws if neither can read it. */
export async function readable(file) {
  try {
    (await decode(file)).close();
    return file;
  } catch {
    const { blob } = await edit({ blob: file, operations: [{ op: 'convert', format: 'png' }] });
    return blob;
  }
}

const isPicture = (file) => file.type.startsWith('image/') || /\.(heic|heif|tiff?|bmp)$/i.test(file.name ?? '');

/** Listen everywhere; `take(files)` gets pictures, `refuse(names)` what is none. */
export function takeIn(take, refuse) {
  const hand = (files) => {
    const pictures = [...files].filter(isPicture);
    const others = [...files].filter((file) => !isPicture(file));
    if (others.length) refuse(others.map((file) => file.name));
    if (pictures.length) take(pictures);
  };
  listenForDrops(hand);
  document.addEventListener('paste', (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    hand(files);
  });
  for (const id of ['file-input', 'camera-input']) {
    byId(id).addEventListener('change', ({ target }) => {
      hand(target.files);
      target.value = '';
    });
  }
  for (const id of ['choose', 'add-more', 'add-more-grid']) byId(id).addEventListener('click', () => byId('file-input').click());
  byId('photograph').addEventListener('click', () => photograph(hand));
}

function listenForDrops(hand) {
  const veil = byId('drop-veil');
  const bringsFiles = (event) => event.dataTransfer?.types.includes('Files') && byId('sound').hidden;
  let depth = 0;
  document.addEventListener('dragenter', (event) => {
    if (!bringsFiles(event)) return;
    depth += 1;
    show(veil, true);
  });
  document.addEventListener('dragleave', (event) => {
    if (!bringsFiles(event)) return;
    depth = Math.max(0, depth - 1);
    if (!depth) show(veil, false);
  });
  // Without these two the browser would leave the page and show the file itself.
  document.addEventListener('dragover', (event) => event.preventDefault());
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    depth = 0;
    show(veil, false);
    if (bringsFiles(event)) hand(event.dataTransfer.files);
  });
}

/** A phone has its own camera page; a desk gets a small window. */
async function photograph(hand) {
  const media = navigator.mediaDevices;
  if (matchMedia('(pointer: coarse)').matches || !media) {
    byId('camera-input').click();
    return;
  }
  let stream;
  try {
    stream = await media.getUserMedia({ video: { width: { ideal: 1920 }, height: { ideal: 1440 } } });
  } catch {
    byId('camera-input').click();
    return;
  }
  const video = byId('camera-video');
  const dialog = byId('camera-dialog');
  video.srcObject = stream;
  dialog.showModal();
  await video.play();
  const snap = async () => {
    const canvas = document.createElement('canvas');
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext('2d').drawImage(video, 0, 0);
    const blob = await toBlob(canvas, 'image/jpeg', 0.95);
    dialog.close();
    hand([new File([blob], `photo.${ending(blob.type)}`, { type: blob.type })]);
  };
  const leave = () => dialog.close();
  byId('camera-snap').addEventListener('click', snap);
  byId('camera-cancel').addEventListener('click', leave);
  dialog.addEventListener('close', () => {
    for (const track of stream.getTracks()) track.stop();
    byId('camera-snap').removeEventListener('click', snap);
    byId('camera-cancel').removeEventListener('click', leave);
  }, { once: true });
}
