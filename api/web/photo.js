// Reading pictures: blob to bitmap, size and thumbnail. Bitmaps are upright: the browser applies the EXIF orientation,
// as the gateway does, so a mask painted here lies on the same pixels there.

const THUMBNAIL = 320;

/** Decode a picture; rejects what this browser cannot show. */
export function decode(blob) {
  return createImageBitmap(blob, { imageOrientation: 'from-image' });
}

/** Return {width, height, thumbnail: Blob}. */
export async function survey(blob) {
  const bitmap = await decode(blob);
  try {
    const { width, height } = bitmap;
    const scale = Math.min(1, THUMBNAIL / Math.max(width, height));
    const canvas = document.createElement('canvas');
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.max(1, Math.round(height * scale));
    const context = canvas.getContext('2d');
    context.imageSmoothingQuality = 'high';
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    return { width, height, thumbnail: await toBlob(canvas, 'image/webp', 0.8) };
  } finally {
    bitmap.close();
  }
}

/** A canvas as a file. */
export function toBlob(canvas, type = 'image/png', quality = undefined) {
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('this picture is too large for the browser'))), type, quality);
  });
}

/** The usual ending of a picture's file name. */
export function ending(type) {
  return { 'image/jpeg': 'jpg', 'image/webp': 'webp', 'image/gif': 'gif', 'image/tiff': 'tif' }[type] ?? 'png';
}
