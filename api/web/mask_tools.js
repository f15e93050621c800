// Painting the mask: the tools, their sizes, the toolbar. Paints on the album's mask of the shown version.

import { announce, byId, el, icon, press, show } from './element.js';

const TOOLS = [
  ['brush', 'brush', 'Brush'],
  ['eraser', 'eraser', 'Eraser'],
  ['rectangle', 'rectangle', 'Rectangle'],
  ['lasso', 'lasso', 'Lasso'],
  ['spot', 'spot', 'Tap a place'],
];

export class MaskTools {
  active = false;

  tool = 'brush';

  /** Diameter in permille of the picture's shorter side, so that it suits every picture. */
  relative = 80;

  constructor(album, stage) {
    Object.assign(this, { album, stage, stroke: null, buttons: {}, at: null });
    this.build();
    byId('mask-button').addEventListener('click', () => this.toggle());
    byId('forget-mask').addEventListener('click', () => this.clear());
    album.addEventListener('mask', () => this.refresh());
    album.addEventListener('current', () => {
      this.stroke = null;
      this.refresh();
    });
  }

  build() {
    const bar = byId('mask-tools');
    for (const [tool, symbol, label] of TOOLS) {
      this.buttons[tool] = el('button', { class: 'tool', 'aria-label': label, title: label, 'aria-pressed': tool === this.tool, onclick: () => this.choose(tool) }, icon(symbol));
    }
    this.slider = el('input', { type: 'range', min: 10, max: 500, id: 'brush-size', value: this.relative, oninput: () => this.resize(Number(this.slider.value)) });
    const button = (id, symbol, label, onclick) => el('button', { class: 'tool', id, 'aria-label': label, title: label, onclick }, icon(symbol));
    const text = (id, label, onclick) => el('button', { class: 'tool labelled', id, onclick }, el('span', {}, label));
    bar.append(
      el('span', { class: 'group' }, ...Object.values(this.buttons)),
      el('label', { class: 'size', for: 'brush-size' }, 'Size', this.slider),
      el('span', { class: 'group' },
        button('mask-undo', 'undo', 'Undo the stroke', () => this.undo()),
        button('mask-redo', 'redo', 'Redo the stroke', () => this.redo())),
      el('span', { class: 'group' },
        text('mask-invert', 'Invert', () => this.act({ tool: 'invert' })),
        text('mask-clear', 'Clear', () => this.clear())),
      el('button', { class: 'primary small', id: 'mask-done', onclick: () => this.toggle(false) }, 'Done'),
    );
  }

  choose(tool) {
    this.tool = tool;
    for (const [name, button] of Object.entries(this.buttons)) press(button, name === tool);
    this.hover(null);
  }

  resize(relative) {
    this.relative = Math.min(500, Math.max(10, relative));
    this.slider.value = this.relative;
    if (this.at) this.hover(...this.at);
  }

  /** Brush diameter in pixels of the picture. */
  get size() {
    const { width, height } = this.album.head();
    return Math.max(2, (Math.min(width, height) * this.relative) / 1000);
  }

  toggle(active = !this.active) {
    this.active = active && Boolean(this.album.current);
    press(byId('mask-button'), this.active);
    show(byId('mask-tools'), this.active);
    byId('stage').classList.toggle('painting', this.active);
    if (this.active) {
      byId('canvas').focus({ preventScroll: true });
      announce('Paint where the picture may change.');
    } else this.hover(null);
    this.refresh();
  }

  refresh() {
    const { mask } = this.album;
    const covered = Boolean(mask && !mask.isEmpty);
    this.stage.set({ mask: covered || this.stroke ? mask : null, painting: this.active });
    show(byId('only-here'), covered && this.album.open);
    byId('mask-undo').disabled = !mask?.actions.length;
    byId('mask-redo').disabled = !mask?.undone.length;
    byId('mask-clear').disabled = !covered;
  }

  act(action) {
    this.album.makeMask().add(action);
    return this.album.maskChanged();
  }

  clear() {
    return this.album.mask && !this.album.mask.isEmpty ? this.act({ tool: 'clear' }) : undefined;
  }

  undo() {
    return Boolean(this.album.mask?.undo()) && (this.album.maskChanged(), true);
  }

  redo() {
    return Boolean(this.album.mask?.redo()) && (this.album.maskChanged(), true);
  }

  start(x, y) {
    const brush = this.tool === 'brush' || this.tool === 'eraser';
    this.stroke = { tool: brush ? 'brush' : this.tool, erase: this.tool === 'eraser', size: this.size, points: [x, y] };
    if (this.tool === 'rectangle') this.stroke.points = [x, y, x, y];
    this.album.makeMask();
    this.move(x, y);
  }

  move(x, y) {
    const { stroke } = this;
    const { points } = stroke;
    if (stroke.tool === 'brush') {
      const last = points.slice(-2);
      points.push(x, y);
      this.album.mask.sketch({ ...stroke, points: [...last, x, y] });
      this.stage.set({ mask: this.album.mask });
    } else if (stroke.tool === 'rectangle') {
      points.splice(2, 2, x, y);
      const [left, top] = points;
      this.stage.set({ outline: [left, top, x, top, x, y, left, y, left, top] });
    } else if (stroke.tool === 'lasso') {
      points.push(x, y);
      this.stage.set({ outline: points });
    } else {
      // A tap takes the size of the slider; pulling outwards makes the place as large as wished.
      const pulled = 2 * Math.hypot(x - points[0], y - points[1]);
      stroke.size = Math.max(2 * this.size, pulled);
    }
    this.hover(x, y);
  }

  end() {
    const { stroke } = this;
    this.stroke = null;
    this.stage.set({ outline: null });
    if (stroke.tool === 'lasso' && stroke.points.length < 8) return this.refresh();
    if (stroke.tool === 'rectangle' && (stroke.points[0] === stroke.points[2] || stroke.points[1] === stroke.points[3])) return this.refresh();
    stroke.points = stroke.points.map((value) => Math.round(value * 10) / 10);
    return this.act(stroke);
  }

  /** Forget a stroke that was none. */
  cancel() {
    this.stroke = null;
    this.album.mask?.replay();
    this.stage.set({ outline: null });
    this.refresh();
  }

  /** Show the brush where the pointer is; null hides it. */
  hover(x, y) {
    this.at = x === null ? null : [x, y];
    if (!this.at) return this.stage.set({ cursor: null });
    const centre = this.stroke?.tool === 'spot' ? this.stroke.points : this.at;
    const size = this.stroke?.tool === 'spot' ? this.stroke.size : this.tool === 'spot' ? 2 * this.size : this.size;
    const round = ['brush', 'eraser', 'spot'].includes(this.tool);
    return this.stage.set({ cursor: round ? { x: centre[0], y: centre[1], size } : null });
  }

  /** Keys on the stage while painting; true if it was one of ours. */
  key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const { width, height } = this.album.head();
    this.at ??= [width / 2, height / 2];
    if (event.key in moves) {
      const step = this.size / (event.shiftKey ? 0.5 : 4);
      const [x, y] = [this.at[0] + moves[event.key][0] * step, this.at[1] + moves[event.key][1] * step];
      this.hover(Math.min(width, Math.max(0, x)), Math.min(height, Math.max(0, y)));
    } else if (event.key === ' ' || event.key === 'Enter') {
      const tool = this.tool === 'eraser' ? 'brush' : 'spot';
      this.act({ tool, erase: this.tool === 'eraser', size: this.size, points: [...this.at] });
      announce(this.tool === 'eraser' ? 'Erased.' : 'Painted.');
    } else if (event.key === '[') this.resize(this.relative - 10);
    else if (event.key === ']') this.resize(this.relative + 10);
    else if (event.key === 'Escape') this.toggle(false);
    else return false;
    return true;
  }
}
