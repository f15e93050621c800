// The open picture: fetches its bitmap for the stage, shows progress, and connects the buttons around it.

import * as versions from './versions.js';
import { byId, show } from './element.js';
import { Compare } from './compare.js';
import { decode } from './photo.js';
import { download } from './downloads.js';
import { caption } from './filmstrip.js';
import { stateOf } from './grid.js';
import { listen } from './gestures.js';
import { MaskTools } from './mask_tools.js';
import { Stage } from './stage.js';

export class Editor {
  constructor(album, work, { trouble }) {
    Object.assign(this, { album, work, trouble, shown: null });
    this.stage = new Stage(byId('canvas'));
    this.compare = new Compare(album, this.stage);
    this.maskTools = new MaskTools(album, this.stage);
    listen(this.stage, this.maskTools, (at) => this.compare.slide(at));
    this.stage.onview = (view) => { byId('zoom-level').textContent = `${Math.round(view.scale * 100)} %`; };
    for (const name of ['current', 'selection', 'items']) album.addEventListener(name, () => this.refresh());
    album.addEventListener('job', () => this.showProgress());
    work.addEventListener('state', () => {
      this.refresh();
      this.showProgress();
    });
    this.connect();
  }

  connect() {
    const { album, stage, work } = this;
    const zoom = (act) => () => {
      act();
      stage.redraw();
    };
    byId('zoom-in').addEventListener('click', zoom(() => stage.view.zoom(1.4)));
    byId('zoom-out').addEventListener('click', zoom(() => stage.view.zoom(1 / 1.4)));
    byId('zoom-fit').addEventListener('click', zoom(() => stage.view.fit()));
    byId('undo').addEventListener('click', () => this.step('undo'));
    byId('redo').addEventListener('click', () => this.step('redo'));
    byId('all-pictures').addEventListener('click', () => album.showAll());
    byId('download').addEventListener('click', () => download(album, album.current));
    byId('remove-picture').addEventListener('click', () => {
      if (confirm(`Remove ${album.current.name} with all its versions from this page?`)) album.remove([album.currentId]);
    });
    byId('progress-cancel').addEventListener('click', () => work.cancel());
    document.addEventListener('keydown', (event) => this.shortcut(event));
  }

  step(how) {
    if (!this.album.current || this.work.doing) return;
    this.album.step(this.album.current, how);
  }

  /** Ctrl+Z takes back a stroke while painting, else a change; in a text field it is the field's own. */
  shortcut(event) {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || byId('editor').hidden) return;
    const typing = event.target.matches?.('textarea, input:not([type=range], [type=checkbox])') && event.target.value !== '';
    const key = event.key.toLowerCase();
    const how = key === 'z' ? (event.shiftKey ? 'redo' : 'undo') : key === 'y' ? 'redo' : null;
    if (!how || typing) return;
    event.preventDefault();
    if (this.maskTools.active && this.maskTools[how]()) return;
    this.step(how);
  }

  /** Show what is open: the picture, all pictures, or the welcome. */
  async refresh() {
    const { album, work } = this;
    const { items, current, open } = album;
    show(byId('welcome'), items.length === 0);
    show(byId('editor'), items.length > 0 && open);
    show(byId('grid-view'), items.length > 0 && !open);
    show(byId('side'), items.length > 0);
    show(byId('command-area'), items.length > 0);
    show(byId('skip'), items.length > 0);
    byId('pictures').classList.toggle('empty', items.length === 0);
    if (!open || !current) this.maskTools.toggle(false);
    if (!current) return;
    show(byId('all-pictures'), items.length > 1);
    byId('all-pictures').lastElementChild.textContent = `All ${items.length} pictures`;
    const version = album.head();
    byId('picture-name').textContent = `${current.name} · ${version.width} × ${version.height}`;
    byId('undo').disabled = Boolean(work.doing) || !versions.canUndo(current.history);
    byId('redo').disabled = Boolean(work.doing) || !versions.canRedo(current.history);
    byId('mask-button').disabled = Boolean(work.doing);
    byId('remove-picture').disabled = Boolean(work.doing);
    byId('canvas').setAttribute('aria-label', `${current.name}, ${version.width} by ${version.height} pixels. ${caption(version)}.`);
    await this.load(version);
  }

  /** Put a version on the stage; the last one asked for wins. */
  async load(version) {
    if (this.shown === version.id || this.wanted === version.id) return;
    this.wanted = version.id;
    try {
      const bitmap = await decode(await this.album.blob(version));
      if (this.wanted !== version.id) {
        bitmap.close();
        return;
      }
      this.stage.picture?.close();
      this.stage.setPicture(bitmap);
      this.shown = version.id;
      byId('canvas').dataset.version = version.id;
      this.maskTools.refresh();
    } catch (error) {
      this.trouble(new Error(`This version can no longer be read from the browser's storage (${error.message}). Go to another version, or add the picture again.`));
    } finally {
      if (this.wanted === version.id) this.wanted = null;
    }
  }

  showProgress() {
    const { album, work } = this;
    const job = album.current?.job;
    const running = work.doing === 'editing' && ['running', 'waiting'].includes(job?.state);
    show(byId('progress'), running || work.doing === 'planning');
    const bar = byId('progress-bar');
    if (!running) {
      byId('progress-label').textContent = 'Understanding what you said …';
      bar.removeAttribute('value');
      show(byId('preview'), false);
      return;
    }
    byId('progress-label').textContent = stateOf(album.current);
    if (typeof job.fraction === 'number') bar.value = job.fraction;
    else bar.removeAttribute('value');
    const preview = byId('preview');
    show(preview, Boolean(job.preview));
    if (job.preview && preview.src !== job.preview) preview.src = job.preview;
  }
}

/** The two tabs of the page, with arrow keys as tabs have them. */
export function connectTabs(changed) {
  const tabs = [byId('tab-pictures'), byId('tab-sound')];
  const choose = (tab) => {
    for (const each of tabs) {
      each.setAttribute('aria-selected', String(each === tab));
      each.tabIndex = each === tab ? 0 : -1;
      show(byId(each.getAttribute('aria-controls')), each === tab);
    }
    changed(tab.getAttribute('aria-controls'));
  };
  for (const [index, tab] of tabs.entries()) {
    tab.addEventListener('click', () => choose(tab));
    tab.addEventListener('keydown', (event) => {
      if (!['ArrowLeft', 'ArrowRight'].includes(event.key)) return;
      const other = tabs[(index + 1) % tabs.length];
      choose(other);
      other.focus();
    });
  }
}
