// Second tab, first half: a file or the microphone becomes text, and subtitles.

import * as gateway from './gateway.js';
import { byId, el, icon, saveAs, show } from './element.js';
import { Microphone } from './microphone.js';
import { sentence } from './notices.js';

const LANGUAGES = [['', 'Find out'], ['en', 'English'], ['de', 'German'], ['fr', 'French'], ['es', 'Spanish'], ['it', 'Italian'], ['pt', 'Portuguese'], ['nl', 'Dutch'], ['pl', 'Polish'], ['uk', 'Ukrainian'], ['ja', 'Japanese'], ['zh', 'Chinese']];
const HALF_AN_HOUR = 30 * 60_000;

export class Listening {
  constructor() {
    this.sound = null;
    this.build();
    this.microphone = new Microphone(this.record, { take: (sound) => this.hear(sound), fail: (why) => this.say(why, true), longest: HALF_AN_HOUR });
  }

  build() {
    const root = byId('listening');
    this.file = el('input', { type: 'file', accept: 'audio/*,video/*', hidden: true, 'aria-label': 'Sound', id: 'sound-input', onchange: () => this.file.files[0] && this.hear(this.file.files[0]) });
    this.record = el('button', { class: 'plain', id: 'record', 'aria-pressed': 'false' }, icon('mic'), 'Hold, or tap, and speak');
    this.language = el('select', { id: 'language' }, ...LANGUAGES.map(([value, name]) => el('option', { value }, name)));
    this.text = el('textarea', { id: 'heard', rows: 9, placeholder: 'What was said appears here.' });
    this.state = el('p', { class: 'quiet', role: 'status' });
    this.cancel = el('button', { class: 'plain small', hidden: true, onclick: () => this.controller?.abort() }, icon('stop'), 'Cancel');
    this.player = el('audio', { controls: true, hidden: true, 'aria-label': 'What was recorded' });
    const save = (label, format) => el('button', { class: 'plain small', onclick: () => this.save(format) }, icon('download'), label);
    this.saves = el('div', { class: 'row', hidden: true }, el('button', { class: 'plain small', onclick: () => this.copy() }, 'Copy'),
      save('Text', 'txt'), save('Subtitles (SRT)', 'srt'), save('Subtitles (WebVTT)', 'vtt'));
    root.append(el('h2', { id: 'listening-title' }, 'Write down what is said'),
      el('div', { class: 'row' }, el('button', { class: 'primary', onclick: () => this.file.click() }, icon('file'), 'Choose a file'), this.record, this.file),
      el('label', { class: 'inline' }, 'Language ', this.language), this.player,
      el('div', { class: 'row' }, this.state, this.cancel),
      el('label', { class: 'hidden-text', for: 'heard' }, 'What was said'), this.text, this.saves);
    root.addEventListener('drop', (event) => event.dataTransfer.files[0] && this.hear(event.dataTransfer.files[0]));
  }

  say(text, wrong = false) {
    this.state.textContent = text;
    this.state.classList.toggle('wrong', wrong);
  }

  async hear(sound) {
    this.controller?.abort();
    const controller = (this.controller = new AbortController());
    this.sound = sound;
    this.file.value = '';
    if (this.player.src) URL.revokeObjectURL(this.player.src);
    this.player.src = URL.createObjectURL(sound);
    show(this.player, true);
    show(this.cancel, true);
    show(this.saves, false);
    this.text.value = '';
    this.say(`Listening to ${sound.name ?? 'the recording'} …`);
    try {
      const whole = await gateway.transcribe(sound, { language: this.language.value, signal: controller.signal, tell: (piece) => { this.text.value += piece; } });
      this.text.value = whole;
      this.say(whole ? 'Done.' : 'Nothing was said, or nothing that could be heard.');
      show(this.saves, Boolean(whole));
    } catch (error) {
      if (controller === this.controller) this.say(error.name === 'AbortError' ? 'Cancelled.' : sentence(error), error.name !== 'AbortError');
    } finally {
      if (controller === this.controller) show(this.cancel, false);
    }
  }

  async copy() {
    this.text.select();
    try {
      await navigator.clipboard.writeText(this.text.value);
      this.say('Copied.');
    } catch {
      this.say('Selected: press Ctrl+C to copy.');
    }
  }

  async save(format) {
    const stem = (this.sound.name ?? 'recording').replace(/\.[^.]*$/, '');
    try {
      const text = format === 'txt' ? this.text.value : await gateway.subtitles(this.sound, format, { language: this.language.value });
      saveAs(new Blob([text], { type: 'text/plain' }), `${stem}.${format}`);
    } catch (error) {
      this.say(sentence(error), true);
    }
  }
}
