// The place where a picture may change, as a list of strokes over a base, so that every stroke can be taken back.
// Coordinates are pixels of the picture; the mask itself is kept at most LIMIT pixels a side and scaled up when sent.
//
//   const mask = new Mask(4000, 3000);
//   mask.add({ tool: 'brush', size: 200, points: [100, 100, 400, 300] });
//   const png = await mask.toBlob();          // white = change here, black = keep

import { toBlob } from './photo.js';

const LIMIT = 2048;
const INK = '#fff';

/** A canvas of this size. */
export function sheet(width, height) {
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(width));
  canvas.height = Math.max(1, Math.round(height));
  return canvas;
}

/** Trace points [x, y, x, y ...] as a path. */
export function trace(context, points) {
  context.beginPath();
  context.moveTo(points[0], points[1]);
  for (let index = 2; index < points.length; index += 2) context.lineTo(points[index], points[index + 1]);
}

export class Mask {
  /** `base` is a canvas that is there before the strokes, of any size. */
  constructor(width, height, { base = null, actions = [], undone = [] } = {}) {
    Object.assign(this, { width, height, base, actions, undone });
    this.scale = Math.min(1, LIMIT / Math.max(width, height));
    this.canvas = sheet(width * this.scale, height * this.scale);
    this.context = this.canvas.getContext('2d', { willReadFrequently: true });
    this.replay();
  }

  /** Paint an action and remember it. */
  add(action) {
    this.actions.push(action);
    this.undone = [];
    this.paint(action);
    this.changed();
  }

  /** Paint a piece of a stroke that is still being drawn, without remembering it. */
  sketch(action) {
    this.paint(action);
    this.edition += 1;
  }

  undo() {
    if (!this.actions.length) return false;
    this.undone.push(this.actions.pop());
    this.replay();
    return true;
  }

  redo() {
    if (!this.undone.length) return false;
    const action = this.undone.pop();
    this.actions.push(action);
    this.paint(action);
    this.changed();
    return true;
  }

  /** Draw everything again from the base. */
  replay() {
    const { context, canvas } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (this.base) context.drawImage(this.base, 0, 0, canvas.width, canvas.height);
    for (const action of this.actions) this.paint(action);
    this.changed();
  }

  paint(action) {
    const { context, canvas } = this;
    context.save();
    context.scale(canvas.width / this.width, canvas.height / this.height);
    context.globalCompositeOperation = action.erase ? 'destination-out' : 'source-over';
    Object.assign(context, { fillStyle: INK, strokeStyle: INK, lineCap: 'round', lineJoin: 'round' });
    const { points } = action;
    if (action.tool === 'brush') {
      context.lineWidth = action.size;
      trace(context, points);
      // A line from a place to itself draws nothing, and a tap is one.
      context.lineTo(points.at(-2) + 0.01, points.at(-1));
      context.stroke();
    } else if (action.tool === 'lasso') {
      trace(context, points);
      context.closePath();
      context.fill();
    } else if (action.tool === 'rectangle') {
      const [left, top, right, bottom] = points;
      context.fillRect(left, top, right - left, bottom - top);
    } else if (action.tool === 'spot') {
      context.beginPath();
      context.arc(points[0], points[1], action.size / 2, 0, 2 * Math.PI);
      context.fill();
    } else if (action.tool === 'clear') {
      context.clearRect(0, 0, this.width, this.height);
    } else if (action.tool === 'invert') {
      // What was covered gets free and the other way round.
      context.globalCompositeOperation = 'xor';
      context.fillRect(0, 0, this.width, this.height);
    }
    context.restore();
  }

  changed() {
    this.edition = (this.edition ?? 0) + 1;
    this.bounds = undefined;
  }

  /** [left, top, right, bottom] of what is covered, in pixels of the picture; null if nothing is. */
  box() {
    if (this.bounds === undefined) this.bounds = this.measure();
    return this.bounds;
  }

  measure() {
    const { width, height } = this.canvas;
    const pixels = new Uint32Array(this.context.getImageData(0, 0, width, height).data.buffer);
    let [left, top, right, bottom] = [width, height, -1, -1];
    for (let y = 0, at = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1, at += 1) {
        if (pixels[at] >>> 24 < 128) continue;
        if (x < left) left = x;
        if (x > right) right = x;
        if (y < top) top = y;
        bottom = y;
      }
    }
    if (right < 0) return null;
    const [across, down] = [this.width / width, this.height / height];
    return [Math.floor(left * across), Math.floor(top * down), Math.ceil((right + 1) * across), Math.ceil((bottom + 1) * down)];
  }

  get isEmpty() {
    return this.box() === null;
  }

  /** As a PNG of the picture's size: white where it may change. */
  toBlob() {
    const full = sheet(this.width, this.height);
    const context = full.getContext('2d');
    context.fillStyle = '#000';
    context.fillRect(0, 0, this.width, this.height);
    context.drawImage(this.canvas, 0, 0, this.width, this.height);
    return toBlob(full);
  }

  /** As plain values for storage. */
  async freeze() {
    const { width, height, actions, undone } = this;
    return { width, height, actions, undone, base: this.base ? await toBlob(this.base) : null };
  }

  /** The inverse of `freeze`. */
  static async thaw({ width, height, actions, undone, base }) {
    let canvas = null;
    if (base) {
      const bitmap = await createImageBitmap(base);
      canvas = sheet(bitmap.width, bitmap.height);
      canvas.getContext('2d').drawImage(bitmap, 0, 0);
      bitmap.close();
    }
    return new Mask(width, height, { base: canvas, actions, undone });
  }
}
