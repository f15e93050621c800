// The plan as chips: each can be changed, moved, removed; while it runs they show how far it is.

import { byId, el, icon, show } from './element.js';
import { describe, entryOf } from './vocabulary.js';

function input(field, operation, changed) {
  const value = operation[field.name];
  const label = `${entryOf(operation).verb}: ${field.label}`;
  const set = (next) => {
    if (next === '' || next === null || Number.isNaN(next)) {
      if (!field.optional) return false;
      delete operation[field.name];
    } else operation[field.name] = next;
    changed();
    return true;
  };
  if (field.kind === 'choice') {
    const options = field.options.includes(value) || value === undefined ? field.options : [value, ...field.options];
    const select = el('select', { 'aria-label': label }, ...options.map((option) => el('option', { value: option }, option)));
    select.value = value;
    select.addEventListener('change', () => set(select.value));
    return select;
  }
  const numeric = field.kind === 'number';
  const box = el('input', {
    'aria-label': label,
    type: numeric ? 'number' : 'text',
    ...(numeric ? { min: field.min, max: field.max, step: 'any' } : { maxlength: 200, placeholder: field.optional ? 'anywhere' : field.label }),
    value: value ?? '',
  });
  // Where the browser cannot size it to its text, a width in letters has to do.
  const fit = () => { box.style.width = CSS.supports('field-sizing', 'content') ? '' : `${Math.max(3, box.value.length + 1)}ch`; };
  fit();
  box.addEventListener('input', fit);
  box.addEventListener('change', () => {
    if (numeric && box.value !== '' && !box.checkValidity()) box.value = Math.min(field.max, Math.max(field.min, box.valueAsNumber));
    if (!set(numeric ? box.valueAsNumber : box.value.trim())) box.value = operation[field.name] ?? '';
  });
  return box;
}

/** Optional fields are shown if they are set; "where" always, because a place is so often missing. */
const isShown = (field, operation) => operation[field.name] !== undefined || !field.optional || field.name === 'where';

export class PlanChips {
  constructor(album, work) {
    Object.assign(this, { album, work });
    work.addEventListener('plan', () => this.build());
    work.addEventListener('state', () => this.mark());
    album.addEventListener('job', () => this.mark());
    byId('run-plan').addEventListener('click', () => work.run());
    byId('drop-plan').addEventListener('click', () => work.setPlan(null));
  }

  get operations() {
    return this.work.plan?.operations ?? [];
  }

  build() {
    const chips = this.operations.map((operation, index) => this.chip(operation, index));
    byId('chips').replaceChildren(...chips);
    show(byId('plan'), chips.length > 0);
    this.mark();
  }

  chip(operation, index) {
    const { fields, verb } = entryOf(operation);
    const changed = () => this.work.setPlan(this.work.plan);
    const parts = fields.filter((field) => isShown(field, operation)).flatMap((field) => [
      field.before && el('span', {}, field.before), input(field, operation, changed), field.unit && el('span', { class: 'unit' }, field.unit)]);
    const last = this.operations.length - 1;
    const name = describe(operation);
    const move = (label, symbol, by, possible) => possible && el('button', { class: 'chip-button', 'aria-label': `${label}: ${name}`, title: label, 'data-move': by, onclick: () => this.move(index, by) }, icon(symbol));
    return el('li', { class: 'chip', 'data-op': operation.op },
      move('Earlier', 'left', -1, index > 0),
      el('span', { class: 'verb' }, verb), ...parts,
      move('Later', 'right', 1, index < last),
      el('button', { class: 'chip-button', 'aria-label': `Remove: ${name}`, title: 'Remove', onclick: () => this.remove(index) }, icon('close')));
  }

  async move(index, by) {
    const [moved] = this.operations.splice(index, 1);
    this.operations.splice(index + by, 0, moved);
    await this.work.setPlan(this.work.plan);
    const chip = byId('chips').children[index + by];
    (chip.querySelector(`[data-move="${by}"]`) ?? chip.querySelector('.chip-button')).focus();
  }

  async remove(index) {
    this.operations.splice(index, 1);
    await this.work.setPlan(this.operations.length ? this.work.plan : null);
    (byId('chips').children[Math.max(0, index - 1)]?.querySelector('.chip-button:last-child') ?? byId('command')).focus();
  }

  /** Show which operation is under way, and what the button would do. */
  mark() {
    const { work, album } = this;
    const [target] = album.targets;
    const job = album.open ? target?.job : null;
    const running = work.doing === 'editing';
    for (const [index, chip] of [...byId('chips').children].entries()) {
      const current = running && job?.plan === work.plan;
      chip.classList.toggle('running', current && index === job.index);
      chip.classList.toggle('past', current && index < job.index);
      for (const control of chip.querySelectorAll('input, select, button')) control.disabled = running;
    }
    byId('run-plan').disabled = Boolean(work.doing) || !album.targets.length;
    byId('drop-plan').disabled = running;
    const ran = target && work.plan?.results[target.id];
    byId('run-plan-label').textContent = ran ? 'Run again' : 'Run the plan';
    byId('run-plan').title = ran ? 'Starts from the picture before this plan; what it made stays among the versions' : '';
    byId('run-plan').classList.toggle('primary', work.tuning.reviewing && !ran && !work.doing);
  }
}
