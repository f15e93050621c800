// How things are painted, behind one disclosure: strength, steps, seed, model, adapter. Empty means the model's own.

import * as gateway from './gateway.js';
import * as storage from './storage.js';
import { byId, el, icon, press } from './element.js';

const LARGEST_SEED = 2 ** 31;

export class FineTuning {
  values = { strength: '', steps: '', seed: '', keepSeed: false, model: '', lora: '', avoid: '', review: false, gpu: false };

  constructor(album) {
    this.album = album;
    this.build();
    byId('fine').addEventListener('toggle', () => byId('fine').open && this.loadModels());
  }

  async restore() {
    Object.assign(this.values, (await storage.get('page', 'tuning')) ?? {});
    this.fill();
  }

  /** Whether the plan is to be looked at before it runs. */
  get reviewing() {
    return this.values.review;
  }

  build() {
    const field = (name, label, properties, hint) => {
      const input = el('input', { id: `tune-${name}`, name, autocomplete: 'off', ...properties });
      return el('div', { class: 'field' }, el('label', { for: input.id }, label), input, hint && el('p', { class: 'quiet' }, hint));
    };
    const check = (name, label) => el('label', { class: 'check' }, el('input', { type: 'checkbox', id: `tune-${name}`, name }), ` ${label}`);
    this.model = el('select', { id: 'tune-model', name: 'model' }, el('option', { value: '' }, 'The best there is'));
    this.keep = el('button', { type: 'button', class: 'plain small', id: 'keep-seed', 'aria-pressed': 'false', onclick: () => this.keepSeed(!this.values.keepSeed) }, 'Keep');
    const roll = el('button', { type: 'button', class: 'tool small', id: 'roll-seed', 'aria-label': 'Roll a new seed', title: 'Roll a new seed', onclick: () => this.roll() }, icon('dice'));
    byId('fine-form').append(
      check('review', 'Show me the plan before it runs'),
      field('strength', 'Strength', { type: 'number', min: 0.05, max: 1, step: 0.05, placeholder: 'automatic' }, 'Low keeps what is there, 1 forgets it.'),
      field('steps', 'Steps', { type: 'number', min: 1, max: 150, step: 1, placeholder: 'automatic' }, 'More takes longer.'),
      el('div', { class: 'field' },
        el('span', { class: 'row' }, el('label', { for: 'tune-seed' }, 'Seed'), el('span', { class: 'grow' }), this.keep, roll),
        el('input', { id: 'tune-seed', name: 'seed', type: 'number', min: 0, max: LARGEST_SEED, step: 1, placeholder: 'new every time', autocomplete: 'off' }),
        el('p', { class: 'quiet' }, 'The same seed paints the same thing again.')),
      field('avoid', 'Avoid', { type: 'text', maxlength: 1000, placeholder: 'such as: text, blur' }),
      el('div', { class: 'field' }, el('label', { for: 'tune-model' }, 'Model'), this.model),
      field('lora', 'LoRA', { type: 'text', placeholder: 'name:weight', maxlength: 200 }),
      check('gpu', 'Rather fail than paint on the CPU'),
    );
    byId('fine-form').addEventListener('submit', (event) => event.preventDefault());
    byId('fine-form').addEventListener('change', ({ target }) => this.take(target));
  }

  take(input) {
    if (!(input.name in this.values)) return;
    if (input.type === 'number' && input.value !== '' && !input.checkValidity()) {
      // The nearest allowed value beats an error message.
      input.value = Math.min(input.max, Math.max(input.min, input.valueAsNumber || Number(input.min)));
    }
    this.values[input.name] = input.type === 'checkbox' ? input.checked : input.value.trim();
    if (input.name === 'seed') this.keepSeed(input.value !== '');
    this.save();
  }

  /** Show values; only those named, because a person may be typing another. */
  fill(...names) {
    for (const [name, value] of Object.entries(this.values)) {
      const input = byId('fine-form').elements.namedItem(name);
      if (!input || (names.length && !names.includes(name))) continue;
      if (input.type === 'checkbox') input.checked = value;
      else {
        if (name === 'model' && value && !this.model.querySelector(`option[value="${CSS.escape(value)}"]`)) this.model.append(el('option', { value }, value));
        input.value = value;
      }
    }
    press(this.keep, this.values.keepSeed);
  }

  save() {
    return this.album.keep([['page', 'tuning', { ...this.values }]]);
  }

  keepSeed(keep) {
    this.values.keepSeed = keep;
    press(this.keep, keep);
    this.save();
  }

  roll() {
    this.values.seed = String(crypto.getRandomValues(new Uint32Array(1))[0] % LARGEST_SEED);
    this.keepSeed(true);
    this.fill('seed');
  }

  /** An edit used this seed: show it, so that it can be kept. */
  used(seed) {
    if (seed === undefined || seed === null || this.values.keepSeed) return;
    this.values.seed = String(seed);
    this.fill('seed');
    this.save();
  }

  /** The fields of an edit. */
  options() {
    const { strength, steps, seed, keepSeed, model, lora, avoid, gpu } = this.values;
    return { strength, steps, seed: keepSeed ? seed : '', model, lora, negative_prompt: avoid, require_gpu: gpu ? 'true' : '' };
  }

  async loadModels() {
    try {
      const painters = (await gateway.models()).filter((model) => model.engine === 'inpainter');
      this.model.replaceChildren(el('option', { value: '' }, 'The best there is'), ...painters.map(({ id, title }) => el('option', { value: id }, title ?? id)));
      this.fill('model');
    } catch {
      // The list is a convenience; what fails is told where it matters.
    }
  }
}
