// The pictures of this page with their histories: what is open, what is selected, what each is doing. Everything that
// matters is written to storage as it changes, so that a reload loses nothing. Knows no element of the page.
//
// Says what changed by events: items, current (another picture or version), selection, job, mask, trouble (detail: error).

import * as storage from './storage.js';
import * as versions from './versions.js';
import { newId } from './element.js';
import { follow } from './shape.js';
import { Mask } from './mask.js';
import { RESHAPING } from './vocabulary.js';
import { survey } from './photo.js';

const MASKS_IN_MEMORY = 6;

export class Album extends EventTarget {
  items = [];

  currentId = null;

  /** Whether one picture is open, or all are seen. */
  open = true;

  selected = new Set();

  masks = new Map();

  /** Read what was there before the reload. */
  async restore() {
    this.items = (await storage.getAll('items')).sort((one, other) => one.added - other.added);
    const page = (await storage.get('page', 'album')) ?? {};
    this.currentId = this.find(page.currentId) ? page.currentId : this.items[0]?.id ?? null;
    this.selected = new Set((page.selected ?? []).filter((id) => this.find(id)));
    this.open = page.open ?? this.items.length < 2;
    if (this.current) await this.loadMask(this.head());
  }

  find(id) {
    return this.items.find((item) => item.id === id) ?? null;
  }

  get current() {
    return this.find(this.currentId);
  }

  /** The shown version of a picture. */
  head(item = this.current) {
    return item && versions.head(item.history);
  }

  /** What a command applies to: the open picture, or those selected, in order. */
  get targets() {
    if (this.open) return this.current ? [this.current] : [];
    return this.items.filter((item) => this.selected.has(item.id));
  }

  say(...names) {
    for (const name of names) this.dispatchEvent(new Event(name));
  }

  /** Write to storage; where it cannot be written is told once, and the work goes on in memory. */
  async keep(entries) {
    try {
      await storage.putAll(entries);
      this.told = false;
    } catch (error) {
      if (!this.told) this.dispatchEvent(Object.assign(new Event('trouble'), { error }));
      this.told = true;
    }
  }

  keepPage() {
    const { currentId, open, selected } = this;
    return this.keep([['page', 'album', { currentId, open, selected: [...selected] }]]);
  }

  itemEntry(item) {
    const { id, name, added, history } = item;
    return ['items', id, structuredClone({ id, name, added, history })];
  }

  /** Add a picture; rejects what the browser cannot show. */
  async add(blob, name) {
    const { width, height, thumbnail } = await survey(blob);
    const version = { id: newId(), width, height, type: blob.type, bytes: blob.size, operations: [], made: Date.now() };
    const item = { id: newId(), name, added: Date.now() + this.items.length / 1000, history: versions.begin(version) };
    this.items.push(item);
    this.selected.add(item.id);
    await this.keep([this.itemEntry(item), ['blobs', version.id, blob], ['blobs', `small-${version.id}`, thumbnail]]);
    return item;
  }

  /** Add the result of an edit of `base` and show it. Returns the version and whether its mask had to go. */
  async extend(item, base, blob, facts) {
    const { width, height, thumbnail } = await survey(blob);
    const version = { id: newId(), width, height, type: blob.type, bytes: blob.size, made: Date.now(), ...facts };
    const mask = await this.loadMask(base);
    let followed = null;
    if (mask && !mask.isEmpty) {
      const moved = version.operations.some(({ op }) => RESHAPING.has(op)) || width !== mask.width || height !== mask.height;
      followed = moved ? follow(mask, version.operations, width, height) : new Mask(width, height, { base: mask.canvas });
    }
    versions.add(item.history, version, base.id);
    const entries = [this.itemEntry(item), ['blobs', version.id, blob], ['blobs', `small-${version.id}`, thumbnail]];
    if (followed) {
      this.masks.set(version.id, followed);
      entries.push(['masks', version.id, await followed.freeze()]);
    }
    await this.keep(entries);
    if (item === this.current) this.say('current');
    this.say('items');
    return { version, lostMask: Boolean(mask && !mask.isEmpty && !followed) };
  }

  /** Undo, redo or visit a version of a picture. */
  async step(item, how, id) {
    const moved = versions[how](item.history, id);
    if (moved === false) return false;
    await this.loadMask(this.head(item));
    await this.keep([this.itemEntry(item)]);
    this.say('items', 'current');
    return true;
  }

  /** Open one picture. */
  async show(id) {
    this.currentId = id;
    this.open = true;
    await this.loadMask(this.head());
    this.say('current', 'selection');
    await this.keepPage();
  }

  /** See all pictures. */
  showAll() {
    this.open = false;
    this.say('current', 'selection');
    return this.keepPage();
  }

  select(ids) {
    this.selected = new Set(ids);
    this.say('selection');
    return this.keepPage();
  }

  /** Take pictures off the page, with all their versions. */
  async remove(ids) {
    const entries = [];
    for (const id of ids) {
      const item = this.find(id);
      if (!item) continue;
      entries.push(['items', id, undefined]);
      for (const { id: version } of item.history.versions) {
        entries.push(['blobs', version, undefined], ['blobs', `small-${version}`, undefined], ['masks', version, undefined]);
        this.masks.delete(version);
      }
      this.selected.delete(id);
    }
    this.items = this.items.filter((item) => !ids.includes(item.id));
    if (!this.current) this.currentId = this.items[0]?.id ?? null;
    if (this.items.length < 2) this.open = true;
    await this.keep(entries);
    if (this.current) await this.loadMask(this.head());
    this.say('items', 'current', 'selection');
    await this.keepPage();
  }

  /** The picture of a version as a blob. */
  blob(version) {
    return storage.get('blobs', version.id);
  }

  /** Its thumbnail. */
  thumbnail(version) {
    return storage.get('blobs', `small-${version.id}`);
  }

  /** The mask of a version as it was left, or null. */
  async loadMask(version) {
    if (!this.masks.has(version.id)) {
      const frozen = await storage.get('masks', version.id);
      this.masks.set(version.id, frozen ? await Mask.thaw(frozen) : null);
      this.forgetMasks(version.id);
    }
    return this.masks.get(version.id);
  }

  /** Each mask is a canvas of megabytes, and storage has them all. */
  forgetMasks(wanted) {
    const shown = this.head()?.id;
    for (const id of this.masks.keys()) {
      if (this.masks.size <= MASKS_IN_MEMORY) return;
      if (id !== wanted && id !== shown) this.masks.delete(id);
    }
  }

  /** The mask of the shown version, if it has one already. */
  get mask() {
    return this.current ? this.masks.get(this.head().id) ?? null : null;
  }

  /** The mask of the shown version, made if need be. */
  makeMask() {
    const { id, width, height } = this.head();
    if (!this.masks.get(id)) this.masks.set(id, new Mask(width, height));
    return this.masks.get(id);
  }

  /** The mask of the shown version was painted on. */
  async maskChanged() {
    const { id } = this.head();
    this.say('mask');
    await this.keep([['masks', id, await this.masks.get(id).freeze()]]);
  }

  /** What a picture is doing: {state: waiting | running | done | failed | cancelled, ...}. */
  setJob(item, job) {
    if (item.job?.preview && item.job.preview !== job?.preview) URL.revokeObjectURL(item.job.preview);
    item.job = job;
    this.say('job');
  }
}
