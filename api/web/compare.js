// Before and after: a line to slide across the picture, or a button to hold.

import * as versions from './versions.js';
import { byId, press, show } from './element.js';
import { decode } from './photo.js';

export class Compare {
  constructor(album, stage) {
    Object.assign(this, { album, stage, on: false });
    this.range = byId('split');
    byId('compare-button').addEventListener('click', () => this.toggle());
    byId('compare-base').addEventListener('change', () => this.load());
    this.range.addEventListener('input', () => this.slide(this.range.valueAsNumber / 100));
    album.addEventListener('current', () => this.refresh());
    this.listenForHolding(byId('hold'));
  }

  /** The version to compare with; null for the original itself. */
  get base() {
    const { current } = this.album;
    if (!current || !versions.canUndo(current.history)) return null;
    const head = this.album.head();
    return byId('compare-base').value === 'original' ? versions.original(current.history) : versions.find(current.history, head.parent);
  }

  refresh() {
    const possible = Boolean(this.base);
    byId('compare-button').disabled = !possible;
    byId('hold').disabled = !possible;
    if (!possible) this.toggle(false);
    else if (this.on) this.load();
  }

  async toggle(on = !this.on) {
    this.on = on;
    press(byId('compare-button'), on);
    show(byId('compare'), on);
    if (on) await this.load();
    else this.stage.set({ split: null });
  }

  /** Fetch what was before and draw it left of the line. */
  async load() {
    const before = await this.fetch();
    if (this.on && before) this.stage.set({ before, split: this.range.valueAsNumber / 100 });
  }

  async fetch() {
    const { base } = this;
    if (!base) return null;
    if (this.loaded?.id !== base.id) {
      const bitmap = await decode(await this.album.blob(base));
      this.loaded?.bitmap.close();
      this.loaded = { id: base.id, bitmap };
    }
    return this.loaded.bitmap;
  }

  slide(at) {
    const split = Math.min(1, Math.max(0, at));
    this.range.value = split * 100;
    this.stage.set({ split });
  }

  listenForHolding(button) {
    const hold = async () => {
      this.holding = true;
      const before = await this.fetch();
      if (this.holding && before) this.stage.set({ before, split: 1 });
      button.classList.add('held');
    };
    const release = () => {
      if (!this.holding) return;
      this.holding = false;
      button.classList.remove('held');
      this.stage.set({ split: this.on ? this.range.valueAsNumber / 100 : null });
    };
    button.addEventListener('pointerdown', (event) => {
      button.setPointerCapture(event.pointerId);
      hold();
    });
    button.addEventListener('contextmenu', (event) => event.preventDefault());
    button.addEventListener('keydown', (event) => {
      if (![' ', 'Enter'].includes(event.key)) return;
      event.preventDefault();
      if (!event.repeat) hold();
    });
    for (const name of ['pointerup', 'pointercancel', 'keyup', 'blur']) button.addEventListener(name, release);
  }
}
