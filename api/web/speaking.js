// Second tab, second half: a text is said by a chosen voice.

import * as gateway from './gateway.js';
import { byId, el, icon, saveAs, show } from './element.js';
import { sentence } from './notices.js';

export class Speaking {
  constructor() {
    this.build();
  }

  build() {
    this.text = el('textarea', { id: 'say', rows: 9, maxlength: 4096, placeholder: 'Write what should be said.' });
    this.voice = el('select', { id: 'voice' });
    this.speed = el('input', { type: 'range', id: 'speed', min: 0.5, max: 2, step: 0.05, value: 1, oninput: () => { this.pace.textContent = `${this.speed.valueAsNumber.toFixed(2)}×`; } });
    this.pace = el('output', { for: 'speed' }, '1.00×');
    this.button = el('button', { class: 'primary', id: 'speak', onclick: () => (this.controller ? this.controller.abort() : this.speak()) }, icon('speaker'), el('span', {}, 'Say it'));
    this.download = el('button', { class: 'plain', hidden: true, onclick: () => saveAs(this.sound, 'spoken.wav') }, icon('download'), 'Download');
    this.player = el('audio', { controls: true, hidden: true, id: 'spoken', 'aria-label': 'The spoken text' });
    this.state = el('p', { class: 'quiet', role: 'status' });
    byId('speaking').append(el('h2', { id: 'speaking-title' }, 'Say a text'),
      el('label', { class: 'hidden-text', for: 'say' }, 'Text'), this.text,
      el('div', { class: 'row' }, el('label', { class: 'inline' }, 'Voice ', this.voice), el('label', { class: 'inline' }, 'Speed ', this.speed), this.pace),
      el('div', { class: 'row' }, this.button, this.download), this.state, this.player);
  }

  /** Fetch the voices; called when the tab is opened. */
  async prepare() {
    try {
      const voices = await gateway.voices();
      const before = this.voice.value;
      this.voice.replaceChildren(...voices.map(({ id, name, language }) => el('option', { value: id }, language ? `${name} (${language})` : name)));
      if (voices.some(({ id }) => id === before)) this.voice.value = before;
      this.say(voices.length ? '' : 'There is no voice yet. Run ./scripts/fetch_models on the machine, then open this tab again.', !voices.length);
    } catch (error) {
      this.say(sentence(error), true);
    }
  }

  say(text, wrong = false) {
    this.state.textContent = text;
    this.state.classList.toggle('wrong', wrong);
  }

  async speak() {
    const text = this.text.value.trim();
    if (!text) {
      this.text.focus();
      return;
    }
    this.controller = new AbortController();
    this.button.lastElementChild.textContent = 'Cancel';
    this.say('Speaking …');
    try {
      this.sound = await gateway.speak(text, { voice: this.voice.value || 'alloy', speed: this.speed.valueAsNumber, signal: this.controller.signal });
      if (this.player.src) URL.revokeObjectURL(this.player.src);
      this.player.src = URL.createObjectURL(this.sound);
      show(this.player, true);
      show(this.download, true);
      this.say('');
      await this.player.play().catch(() => this.say('Press play to hear it.'));
    } catch (error) {
      this.say(error.name === 'AbortError' ? 'Cancelled.' : sentence(error), error.name !== 'AbortError');
    } finally {
      this.controller = null;
      this.button.lastElementChild.textContent = 'Say it';
    }
  }
}
