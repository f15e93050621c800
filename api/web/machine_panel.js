// The machine's truth at a glance: which engine is where and why, and what mends it. One line in the header, the whole
// story behind it. Repeats the gateway's sentences as they are.

import * as gateway from './gateway.js';
import { byId, el, icon, inBytes } from './element.js';

const NAMES = {
  inpainter: 'Painting', parser: 'Understanding', transcriber: 'Hearing', speaker: 'Speaking',
  subject_finder: 'Finding the subject', face_finder: 'Finding faces', segmenter: 'Finding things by name',
};
/** Without these the page cannot do what it is for; the others serve single operations. */
const NEEDED = new Set(['inpainter', 'parser', 'transcriber', 'speaker']);
const STATES = { unloaded: 'starts when needed', loading: 'starting …', ready: 'ready', busy: 'at work', failed: 'failed' };
const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const OFTEN = 4_000;
const SELDOM = 30_000;

/** Whether no model of an engine has been fetched. */
const isMissing = ({ model }) => model === null;

/** The sentence for the header and how bad it is: good, note or bad. */
export function summarise(status) {
  const engines = Object.entries(status.engines ?? {});
  const bad = engines.filter(([name, engine]) => NEEDED.has(name) && (isMissing(engine) || engine.state === 'failed')).map(([name]) => NAMES[name]);
  if (bad.length) return [`${bad.join(', ')}: needs you`, 'bad'];
  const where = (kind) => engines.filter(([name, engine]) => NEEDED.has(name) && engine.device === kind).map(([name]) => NAMES[name]);
  const [gpu, cpu] = [where('gpu'), where('cpu')];
  if (!gpu.length) return ['All on the CPU', wantsGpu(status) ? 'note' : 'good'];
  if (!cpu.length) return ['All on the GPU', 'good'];
  return [`${gpu.join(', ')} on the GPU`, 'good'];
}

/** Whether there is a GPU that something keeps from being used. */
function wantsGpu({ machine }) {
  return Boolean(machine?.gpus?.length || machine?.findings?.some(({ level }) => level === 'bad'));
}

export class MachinePanel {
  constructor() {
    this.status = null;
    this.dialog = byId('machine-dialog');
    byId('machine-button').addEventListener('click', () => {
      this.build();
      this.dialog.showModal();
      this.look();
    });
    this.dialog.addEventListener('click', (event) => event.target === this.dialog && this.dialog.close());
    document.addEventListener('visibilitychange', () => document.hidden || this.look());
    this.look();
  }

  async look() {
    clearTimeout(this.timer);
    try {
      this.status = await gateway.status();
      this.error = null;
    } catch (error) {
      this.error = error;
    }
    this.summary();
    if (this.dialog.open) this.build();
    this.timer = setTimeout(() => this.look(), this.dialog.open || this.error ? OFTEN : SELDOM);
  }

  summary() {
    const locked = this.error?.status === 401;
    const [text, level] = this.error ? [locked ? 'Asks for a key' : 'Tawny does not answer', locked ? 'note' : 'bad'] : summarise(this.status);
    byId('machine-summary').textContent = text;
    byId('machine-button').dataset.level = level;
    byId('machine-button').setAttribute('aria-label', `The machine: ${text}`);
  }

  build() {
    const { status, error } = this;
    const close = el('button', { class: 'tool', 'aria-label': 'Close', onclick: () => this.dialog.close() }, icon('close'));
    const head = el('div', { class: 'sheet-head' }, el('h2', { id: 'machine-title' }, 'The machine'), close);
    if (error || !status) {
      this.dialog.replaceChildren(head, el('p', {}, error?.message ?? 'Asking …'));
      return;
    }
    const findings = (status.machine?.findings ?? []).filter(({ level }) => level !== 'good');
    this.dialog.replaceChildren(head,
      el('ul', { class: 'engines' }, ...Object.entries(status.engines ?? {}).map(([name, engine]) => this.engine(name, engine))),
      findings.length > 0 && el('h3', {}, 'What to know'),
      findings.length > 0 && el('ul', { class: 'findings' }, ...findings.map(({ level, text, mend }) => el('li', { 'data-level': level }, el('p', {}, sentence(text)), mend && el('p', { class: 'mend' }, mend)))),
      el('p', { class: 'quiet' }, this.facts()));
  }

  engine(name, engine) {
    const { state, device, model, reason, queue, last_error: lastError } = engine;
    const missing = isMissing(engine);
    const line = [model, missing ? 'not installed' : STATES[state] ?? state, engine.dtype, engine.bytes ? inBytes(engine.bytes) : null, queue ? `${queue} waiting` : null];
    return el('li', { class: 'engine', 'data-level': state === 'failed' || (missing && NEEDED.has(name)) ? 'bad' : 'good' },
      el('span', { class: `badge ${device ?? 'none'}` }, { gpu: 'GPU', cpu: 'CPU' }[device] ?? '–'),
      el('div', {}, el('h3', {}, NAMES[name] ?? name.replaceAll('_', ' ')),
        el('p', { class: 'quiet' }, line.filter(Boolean).join(' · ')),
        reason && el('p', {}, device ? `On the ${device.toUpperCase()}: ${reason}` : reason),
        lastError && lastError !== reason && el('p', { class: 'mend' }, `Last trouble: ${lastError}`)));
  }

  facts() {
    const { versions = {}, machine = {} } = this.status;
    const memory = machine.memory?.total ? `${inBytes(machine.memory.total)} of memory` : null;
    const gpus = (machine.gpus ?? []).map(({ name }) => name).join(', ') || null;
    return [versions.tawny && `Tawny ${versions.tawny}`, versions.torch && `torch ${versions.torch}`, memory, gpus].filter(Boolean).join(' · ');
  }
}
