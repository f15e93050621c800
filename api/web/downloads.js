// Pictures leave the page: one as a file, many as a zip. Names tell which picture and that it was edited.

import { saveAs } from './element.js';
import { ending } from './photo.js';
import { zip } from './zip.js';

/** "holiday.jpg" edited into a PNG is "holiday-edited.png"; the original keeps its name. */
export function fileName(item, version) {
  if (version.parent === null && version.type && item.name.includes('.')) return item.name;
  const stem = item.name.replace(/\.[^.]*$/, '') || 'picture';
  return `${stem}${version.parent === null ? '' : '-edited'}.${ending(version.type)}`;
}

/** Save the shown version of a picture. */
export async function download(album, item) {
  const version = album.head(item);
  saveAs(await album.blob(version), fileName(item, version));
}

/** Save the shown versions of several pictures as one zip. */
export async function downloadAll(album, items) {
  const files = [];
  for (const item of items) {
    const version = album.head(item);
    files.push({ name: fileName(item, version), blob: await album.blob(version), date: new Date(version.made) });
  }
  const today = new Date().toISOString().slice(0, 10);
  saveAs(await zip(files), `tawny-${today}.zip`);
}
