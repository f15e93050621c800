// Where the picture is on the screen: scale and offset, zooming at a point, fitting. Pure numbers, in CSS pixels.

const LARGEST = 32;

export class View {
  constructor() {
    Object.assign(this, { width: 1, height: 1, frame: [1, 1], scale: 1, x: 0, y: 0, fitted: true });
  }

  /** The picture's size in pixels. Keeps the place when the size stays. */
  setPicture(width, height) {
    const same = width === this.width && height === this.height;
    Object.assign(this, { width, height });
    if (!same || this.fitted) this.fit();
  }

  /** The size of the element that shows it. */
  setFrame(width, height) {
    this.frame = [Math.max(1, width), Math.max(1, height)];
    if (this.fitted) this.fit();
    else this.clamp();
  }

  get smallest() {
    const margin = Math.min(24, this.frame[0] / 20);
    return Math.min((this.frame[0] - 2 * margin) / this.width, (this.frame[1] - 2 * margin) / this.height, 8);
  }

  /** The whole picture in the middle; small ones are not blown up beyond twice their size. */
  fit() {
    this.scale = Math.min(this.smallest, 2);
    this.x = (this.frame[0] - this.width * this.scale) / 2;
    this.y = (this.frame[1] - this.height * this.scale) / 2;
    this.fitted = true;
  }

  /** Zoom so that the point of the frame stays over the same pixel. */
  zoom(factor, x = this.frame[0] / 2, y = this.frame[1] / 2) {
    const least = Math.min(this.smallest, 1) / 2;
    const scale = Math.min(LARGEST, Math.max(least, this.scale * factor));
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.fitted = false;
    this.clamp();
  }

  pan(across, down) {
    this.x += across;
    this.y += down;
    this.fitted = false;
    this.clamp();
  }

  /** Keep at least a corner of the picture in sight. */
  clamp() {
    const keep = Math.min(60, this.width * this.scale, this.height * this.scale);
    this.x = Math.min(this.frame[0] - keep, Math.max(keep - this.width * this.scale, this.x));
    this.y = Math.min(this.frame[1] - keep, Math.max(keep - this.height * this.scale, this.y));
  }

  /** A point of the frame as a pixel of the picture. */
  toPicture(x, y) {
    return [(x - this.x) / this.scale, (y - this.y) / this.scale];
  }

  /** A pixel of the picture as a point of the frame. */
  toFrame(x, y) {
    return [x * this.scale + this.x, y * this.scale + this.y];
  }
}
