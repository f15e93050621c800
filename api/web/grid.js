// All pictures at once: which are selected, what each is doing, what failed and why.

import { byId, el, icon, show } from './element.js';
import { download, downloadAll } from './downloads.js';
import { sentence } from './notices.js';
import { describe } from './vocabulary.js';

/** What a picture is doing, in words. */
export function stateOf({ job, history }) {
  if (!job) return history.versions.length > 1 ? 'Edited' : '';
  if (job.state === 'waiting') return 'Waiting …';
  if (job.state === 'running') {
    if (job.ahead) return `Waiting for its turn, ${job.ahead} before it …`;
    const operation = job.plan.operations[Math.max(0, job.index)];
    return `${describe(operation, 'now')}${job.steps > 1 ? `, step ${job.step} of ${job.steps}` : ''} …`;
  }
  return { done: 'Done', failed: 'Failed', cancelled: 'Cancelled' }[job.state];
}

export class Grid {
  constructor(album, work) {
    Object.assign(this, { album, work, cards: new Map() });
    for (const name of ['items', 'current']) album.addEventListener(name, () => this.build());
    for (const name of ['selection', 'job']) album.addEventListener(name, () => this.refresh());
    work.addEventListener('state', () => this.refresh());
    const selected = () => album.items.filter(({ id }) => album.selected.has(id));
    byId('select-all').addEventListener('change', ({ target }) => album.select(target.checked ? album.items.map(({ id }) => id) : []));
    byId('download-all').addEventListener('click', () => downloadAll(album, selected().length ? selected() : album.items).catch((error) => work.say('trouble', { error })));
    byId('remove-selected').addEventListener('click', () => {
      const count = selected().length;
      if (confirm(`Remove ${count} ${count === 1 ? 'picture' : 'pictures'} with all versions from this page?`)) album.remove(selected().map(({ id }) => id));
    });
    byId('undo-selected').addEventListener('click', async () => {
      for (const item of selected()) await album.step(item, 'undo');
    });
    byId('retry-failed').addEventListener('click', () => work.retry(this.failed));
  }

  get failed() {
    return this.album.items.filter(({ job }) => ['failed', 'cancelled'].includes(job?.state));
  }

  build() {
    const { album, cards } = this;
    const list = byId('grid');
    for (const [id, card] of cards) {
      if (album.find(id)) continue;
      card.root.remove();
      cards.delete(id);
    }
    for (const item of album.items) {
      if (!cards.has(item.id)) {
        cards.set(item.id, this.card(item));
        list.append(cards.get(item.id).root);
      }
      this.picture(item, cards.get(item.id));
    }
    this.refresh();
  }

  card(item) {
    const { album, work } = this;
    const check = el('input', { type: 'checkbox', 'aria-label': `Select ${item.name}`, onchange: () => {
      const next = new Set(album.selected);
      if (check.checked) next.add(item.id);
      else next.delete(item.id);
      album.select([...next]);
    } });
    const image = el('img', { alt: '', draggable: 'false' });
    const state = el('span', { class: 'card-state' });
    const bar = el('progress', { max: 1, 'aria-label': `Progress of ${item.name}` });
    const retry = el('button', { class: 'plain small', onclick: () => work.retry([item]) }, icon('again'), 'Retry');
    const save = el('button', { class: 'tool small', 'aria-label': `Download ${item.name}`, title: 'Download', onclick: () => download(album, item) }, icon('download'));
    const opener = el('button', { class: 'card-open', 'aria-label': `Open ${item.name}`, onclick: () => album.show(item.id) }, image);
    const root = el('li', { class: 'picture-card', 'data-name': item.name },
      el('label', { class: 'card-check' }, check), opener, bar,
      el('div', { class: 'card-foot' }, el('span', { class: 'card-name', title: item.name }, item.name), state, retry, save));
    return { root, check, image, state, bar, retry, version: null };
  }

  /** The thumbnail of the shown version. */
  async picture(item, card) {
    const version = this.album.head(item);
    if (card.version === version.id) return;
    card.version = version.id;
    const blob = await this.album.thumbnail(version);
    if (card.version !== version.id || !blob) return;
    if (card.image.src) URL.revokeObjectURL(card.image.src);
    card.image.src = URL.createObjectURL(blob);
  }

  refresh() {
    const { album, work } = this;
    const busy = Boolean(work.doing);
    for (const item of album.items) {
      const card = this.cards.get(item.id);
      if (!card) continue;
      const { job } = item;
      card.check.checked = album.selected.has(item.id);
      card.root.classList.toggle('selected', card.check.checked);
      card.root.dataset.state = job?.state ?? 'idle';
      card.state.textContent = job?.state === 'failed' ? sentence(job.error) : stateOf(item);
      show(card.bar, job?.state === 'running');
      if (job?.state === 'running' && job.fraction !== null) card.bar.value = job.fraction;
      else card.bar.removeAttribute('value');
      show(card.retry, ['failed', 'cancelled'].includes(job?.state) && !busy);
    }
    const count = album.selected.size;
    const all = byId('select-all');
    all.checked = count > 0 && count === album.items.length;
    all.indeterminate = count > 0 && count < album.items.length;
    byId('select-label').textContent = count ? `${count} of ${album.items.length} selected` : `Select all ${album.items.length}`;
    show(byId('retry-failed'), this.failed.length > 1 && !busy);
    byId('remove-selected').disabled = busy || !count;
    byId('undo-selected').disabled = busy || !count;
  }
}
