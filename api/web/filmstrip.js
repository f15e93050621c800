// The versions of the open picture in a row, oldest first. A click shows one; nothing is ever lost by it.

import { byId, el } from './element.js';
import { describeAll } from './vocabulary.js';

/** What a version came from, in words. */
export function caption(version) {
  return version.parent === null ? 'Original' : describeAll(version.operations) || 'Changed';
}

export class Filmstrip {
  constructor(album, work) {
    Object.assign(this, { album, work, urls: new Map() });
    for (const name of ['current', 'items']) album.addEventListener(name, () => this.build());
    byId('filmstrip').addEventListener('keydown', (event) => this.walk(event));
  }

  async build() {
    const item = this.album.current;
    const list = byId('filmstrip');
    const versions = item?.history.versions ?? [];
    // Two builds may overlap while thumbnails load: only the last may write.
    const turn = (this.turn = Symbol('turn'));
    const urls = await Promise.all(versions.map((version) => this.url(version)));
    if (turn !== this.turn) return;
    const { head } = item?.history ?? {};
    list.replaceChildren(...versions.map((version, index) => el('li', {},
      el('button', { class: 'version', 'aria-current': version.id === head ? 'true' : null, title: caption(version), onclick: () => this.visit(version.id) },
        el('img', { src: urls[index], alt: '', draggable: 'false' }),
        el('span', { class: 'version-name' }, `${index ? `${index}. ` : ''}${caption(version)}`)))));
    list.hidden = versions.length < 2;
    list.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    this.release(new Set(versions.map(({ id }) => id)));
  }

  visit(id) {
    return this.work.doing ? undefined : this.album.step(this.album.current, 'visit', id);
  }

  walk(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const buttons = [...byId('filmstrip').querySelectorAll('button')];
    const at = buttons.indexOf(document.activeElement);
    if (!by || at < 0) return;
    event.preventDefault();
    buttons[Math.min(buttons.length - 1, Math.max(0, at + by))].focus();
  }

  async url(version) {
    if (!this.urls.has(version.id)) {
      const blob = await this.album.thumbnail(version);
      if (!this.urls.has(version.id)) this.urls.set(version.id, blob ? URL.createObjectURL(blob) : '');
    }
    return this.urls.get(version.id);
  }

  release(wanted) {
    for (const [id, url] of this.urls) {
      if (wanted.has(id)) continue;
      URL.revokeObjectURL(url);
      this.urls.delete(id);
    }
  }
}
