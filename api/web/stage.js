// Draws the picture: zoomed, with its mask, beside what it was before. It is told what to draw and draws it once per
// frame; it changes nothing and listens to nothing but its own size.

import { View } from './view.js';
import { sheet, trace } from './mask.js';

// Blue, because photographs seldom are where people paint, and told from them also by those who see few colours.
const TINT = 'rgba(48, 92, 255, .5)';
const EDGE = '#1d3fd0';

export class Stage {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d');
    this.view = new View();
    Object.assign(this, { picture: null, before: null, split: null, mask: null, painting: false, outline: null, cursor: null });
    this.veil = sheet(1, 1);
    this.onview = () => {};
    new ResizeObserver(() => this.resize()).observe(canvas.parentElement);
    this.resize();
  }

  resize() {
    const { clientWidth, clientHeight } = this.canvas.parentElement;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(clientWidth * ratio));
    this.canvas.height = Math.max(1, Math.round(clientHeight * ratio));
    this.view.setFrame(clientWidth, clientHeight);
    this.redraw();
  }

  /** Show a bitmap, or nothing. */
  setPicture(bitmap) {
    this.picture = bitmap;
    if (bitmap) this.view.setPicture(bitmap.width, bitmap.height);
    this.redraw();
  }

  /** Set any of before, split, mask, painting, outline, cursor, and draw. */
  set(fields) {
    Object.assign(this, fields);
    this.redraw();
  }

  redraw() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      this.draw();
    });
  }

  draw() {
    const { context, canvas, view } = this;
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (this.picture) {
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      this.drawPicture();
      if (this.mask && this.split === null) this.drawMask(ratio);
      this.drawOutline();
    }
    this.onview(view);
  }

  drawPicture() {
    const { context, view } = this;
    const [width, height] = [view.width * view.scale, view.height * view.scale];
    context.imageSmoothingEnabled = view.scale < 3;
    context.imageSmoothingQuality = 'high';
    const split = this.before && this.split !== null ? view.frame[0] * this.split : null;
    this.within(split === null ? 0 : split, view.frame[0], () => {
      this.checker(view.x, view.y, width, height);
      context.drawImage(this.picture, view.x, view.y, width, height);
    });
    if (split === null) return;
    this.within(0, split, () => this.drawBefore(width, height));
    context.fillStyle = '#fff';
    context.fillRect(split - 1.5, 0, 3, view.frame[1]);
    context.fillStyle = 'rgba(0, 0, 0, .6)';
    context.fillRect(split - 0.5, 0, 1, view.frame[1]);
  }

  /** What was before may have another shape: the middles meet, and the longer sides are alike. */
  drawBefore(width, height) {
    const { context, view, before } = this;
    const scale = Math.max(width, height) / Math.max(before.width, before.height);
    const size = [before.width * scale, before.height * scale];
    const at = [view.x + (width - size[0]) / 2, view.y + (height - size[1]) / 2];
    this.checker(...at, ...size);
    context.drawImage(before, ...at, ...size);
  }

  within(left, right, act) {
    this.context.save();
    this.context.beginPath();
    this.context.rect(left, 0, Math.max(0, right - left), this.view.frame[1]);
    this.context.clip();
    act();
    this.context.restore();
  }

  /** The usual sign for transparency, only as large as what is seen of it. */
  checker(x, y, width, height) {
    const { context } = this;
    this.squares ??= this.makeSquares();
    context.fillStyle = this.squares;
    context.fillRect(x, y, width, height);
  }

  makeSquares() {
    const tile = sheet(16, 16);
    const pen = tile.getContext('2d');
    pen.fillStyle = '#fff';
    pen.fillRect(0, 0, 16, 16);
    pen.fillStyle = '#d8d8d8';
    pen.fillRect(0, 0, 8, 8);
    pen.fillRect(8, 8, 8, 8);
    return this.context.createPattern(tile, 'repeat');
  }

  /** While painting a tint over what may change, else only a line around it: the picture itself is what matters. */
  drawMask(ratio) {
    const { context, view, mask, veil } = this;
    veil.width = this.canvas.width;
    veil.height = this.canvas.height;
    const pen = veil.getContext('2d');
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const place = [view.x, view.y, view.width * view.scale, view.height * view.scale];
    if (this.painting) {
      pen.drawImage(mask.canvas, ...place);
      pen.globalCompositeOperation = 'source-in';
      pen.fillStyle = TINT;
      pen.fillRect(0, 0, ...view.frame);
    } else {
      for (const [dx, dy] of [[-2, 0], [2, 0], [0, -2], [0, 2], [-1.4, -1.4], [1.4, 1.4], [-1.4, 1.4], [1.4, -1.4]]) {
        pen.drawImage(mask.canvas, place[0] + dx, place[1] + dy, place[2], place[3]);
      }
      pen.globalCompositeOperation = 'destination-out';
      pen.drawImage(mask.canvas, ...place);
      pen.globalCompositeOperation = 'source-in';
      pen.fillStyle = this.stripes ??= this.makeStripes();
      pen.fillRect(0, 0, ...view.frame);
    }
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(veil, 0, 0);
    context.restore();
  }

  makeStripes() {
    const tile = sheet(8, 8);
    const pen = tile.getContext('2d');
    pen.fillStyle = '#fff';
    pen.fillRect(0, 0, 8, 8);
    pen.fillStyle = EDGE;
    for (let row = 0; row < 8; row += 1) {
      for (let column = 0; column < 8; column += 1) if ((row + column) % 8 < 5) pen.fillRect(column, row, 1, 1);
    }
    return this.context.createPattern(tile, 'repeat');
  }

  /** The stroke that is being drawn, and the brush under the pointer. */
  drawOutline() {
    const { context, view, outline, cursor } = this;
    const rings = [['rgba(0, 0, 0, .75)', 3], ['#fff', 1.5]];
    for (const [strokeStyle, lineWidth] of rings) {
      Object.assign(context, { strokeStyle, lineWidth });
      if (outline) {
        trace(context, outline.flatMap((value, index) => (index % 2 ? [] : view.toFrame(value, outline[index + 1]))));
        context.stroke();
      }
      if (cursor) {
        context.beginPath();
        context.arc(...view.toFrame(cursor.x, cursor.y), Math.max(2, (cursor.size / 2) * view.scale), 0, 2 * Math.PI);
        context.stroke();
      }
    }
  }
}
