// Writes a zip archive without compression: pictures are compressed already. Knows nothing of pictures.
//
//   const archive = await zip([{ name: 'a.png', blob, date: new Date() }]);

const TABLE = new Uint32Array(256);
for (let byte = 0; byte < 256; byte += 1) {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  TABLE[byte] = value >>> 0;
}

/** CRC-32 of bytes, as zip and PNG use it. */
export function crc32(bytes) {
  let crc = 0xffffffff;
  for (let index = 0; index < bytes.length; index += 1) crc = TABLE[(crc ^ bytes[index]) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** An MS-DOS date and time: two 16-bit numbers, from 1980, in steps of two seconds. */
function dosTime(date) {
  const time = (date.getHours() << 11) | (date.getMinutes() << 5) | (date.getSeconds() >> 1);
  const day = ((Math.max(1980, date.getFullYear()) - 1980) << 9) | ((date.getMonth() + 1) << 5) | date.getDate();
  return [time, day];
}

/** Make every name different by numbering the later ones. */
export function distinct(names) {
  const seen = new Set();
  return names.map((name) => {
    const [, stem, ending] = /^(.*?)(\.[^.]*)?$/.exec(name);
    let free = name;
    for (let number = 2; seen.has(free.toLowerCase()); number += 1) free = `${stem} (${number})${ending ?? ''}`;
    seen.add(free.toLowerCase());
    return free;
  });
}

function fill(size, fields) {
  const view = new DataView(new ArrayBuffer(size));
  let at = 0;
  for (const [width, value] of fields) {
    if (width === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += width;
  }
  return view.buffer;
}

/** Return a Blob with the archive. Throws past 4 GB or 65,535 files, which plain zip cannot hold. */
export async function zip(files) {
  const names = distinct(files.map((file) => file.name));
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const [index, { blob, date }] of files.entries()) {
    const name = new TextEncoder().encode(names[index]);
    const crc = crc32(new Uint8Array(await blob.arrayBuffer()));
    const [time, day] = dosTime(date ?? new Date());
    // Version 2.0, bit 11: names are UTF-8, method 0: stored.
    const shared = [[2, 20], [2, 0x0800], [2, 0], [2, time], [2, day], [4, crc], [4, blob.size], [4, blob.size],
      [2, name.length], [2, 0]];
    directory.push(fill(46, [[4, 0x02014b50], [2, 20], ...shared, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]]), name);
    parts.push(fill(30, [[4, 0x04034b50], ...shared]), name, blob);
    offset += 30 + name.length + blob.size;
  }
  if (offset > 0xffffffff || files.length > 0xffff) throw new Error('Too much for one zip: select fewer pictures.');
  const size = directory.reduce((sum, part) => sum + part.byteLength, 0);
  const end = fill(22, [[4, 0x06054b50], [2, 0], [2, 0], [2, files.length], [2, files.length], [4, size], [4, offset],
    [2, 0]]);
  return new Blob([...parts, ...directory, end], { type: 'application/zip' });
}
