// Where a person says what should change: typed, or spoken and then shown to be read and corrected.

import * as gateway from './gateway.js';
import * as storage from './storage.js';
import { announce, byId, press, show } from './element.js';
import { Microphone } from './microphone.js';

const STOCK_VOICE = 'alloy';

export class CommandBar {
  constructor(album, work, { trouble }) {
    Object.assign(this, { album, work, trouble, aloud: false });
    this.box = byId('command');
    byId('command-form').addEventListener('submit', (event) => {
      event.preventDefault();
      if (work.doing) work.cancel();
      else this.go();
    });
    this.box.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        this.go();
      } else if (event.key === 'ArrowUp' && !this.box.value && work.plan?.command) {
        event.preventDefault();
        this.write(work.plan.command);
      }
    });
    this.box.addEventListener('input', () => this.fit());
    // What is done is still there to be corrected, and gone at the first letter of something new.
    this.box.addEventListener('focus', () => this.box.value === work.plan?.command && this.box.select());
    byId('aloud').addEventListener('click', () => this.toggleAloud());
    this.microphone = new Microphone(byId('mic'), { take: (sound) => this.hear(sound), fail: (why) => trouble(new Error(why)) });
    work.addEventListener('state', () => this.refresh());
    work.addEventListener('done', (event) => this.answer(event));
    work.addEventListener('trouble', ({ error }) => this.speak(error.message));
    work.addEventListener('cancelled', () => {
      byId('hearing').textContent = 'Cancelled. What was done before stays.';
      announce('Cancelled.');
    });
    for (const name of ['current', 'selection', 'items']) album.addEventListener(name, () => this.refresh());
  }

  async restore() {
    const kept = (await storage.get('page', 'command')) ?? {};
    this.setAloud(kept.aloud ?? false);
    this.write(kept.text ?? '');
    this.refresh();
  }

  keep() {
    return this.album.keep([['page', 'command', { text: this.box.value, aloud: this.aloud }]]);
  }

  /** Only with a voice there is: a wish that cannot be met must not cost an edit later. */
  async toggleAloud() {
    this.setAloud(!this.aloud);
    if (!this.aloud) return;
    try {
      if ((await gateway.voices()).length) return;
      throw new Error('There is no voice yet. Run ./scripts/fetch_models on the machine, then ask for answers aloud again.');
    } catch (error) {
      this.setAloud(false);
      this.trouble(error);
    }
  }

  setAloud(aloud) {
    this.aloud = aloud;
    // One of the names that every server of this kind knows: whatever voice is installed answers to it.
    this.work.voice = aloud ? STOCK_VOICE : null;
    press(byId('aloud'), aloud);
    this.keep();
  }

  write(text) {
    this.box.value = text;
    this.fit();
  }

  /** As high as its text, up to a few lines. */
  fit() {
    this.box.style.height = 'auto';
    this.box.style.height = `${Math.min(this.box.scrollHeight, 140)}px`;
    clearTimeout(this.keeping);
    this.keeping = setTimeout(() => this.keep(), 300);
  }

  go() {
    if (this.work.doing) return;
    const text = this.box.value.trim();
    if (!text || !this.album.targets.length) {
      this.box.focus();
      return;
    }
    this.keep();
    this.work.command(text);
  }

  refresh() {
    const { album, work } = this;
    const busy = Boolean(work.doing);
    const go = byId('go');
    byId('go-label').textContent = busy ? 'Cancel' : 'Do it';
    go.querySelector('use').setAttribute('href', busy ? '#i-stop' : '#i-send');
    go.classList.toggle('cancel', busy);
    go.disabled = !busy && !album.targets.length;
    byId('command-form').setAttribute('aria-busy', String(busy));
    const scope = byId('scope');
    show(scope, !album.open);
    const count = album.targets.length;
    scope.textContent = count === 0 ? 'Select pictures' : `${count} ${count === 1 ? 'picture' : 'pictures'}`;
    if (busy) byId('hearing').textContent = '';
  }

  /** Write down what was said, show it, and do it. */
  async hear(sound) {
    const status = byId('hearing');
    status.textContent = 'Listening to what you said …';
    byId('mic').disabled = true;
    try {
      const text = await gateway.transcribe(sound, { language: 'en', tell: (piece) => { status.textContent = `Heard: ${piece.trim()} …`; } });
      status.textContent = '';
      if (!text) {
        this.trouble(new Error('Nothing was heard. Hold the button a little longer, closer to the microphone, or type the command.'));
        return;
      }
      this.write(text);
      announce(`Heard: ${text}`);
      this.go();
    } catch (error) {
      status.textContent = '';
      this.trouble(error, () => this.hear(sound));
    } finally {
      byId('mic').disabled = false;
    }
  }

  answer({ text, answer, count, failures }) {
    const failed = failures.length ? ` ${failures.length} of ${count} failed.` : '';
    const said = answer?.text ?? `Done: ${text}${count > 1 ? `, ${count - failures.length} pictures` : ''}.${failed}`;
    announce(said);
    if (document.activeElement === this.box) this.box.select();
    byId('hearing').textContent = said;
    return answer?.sound ? this.play(answer.sound, said) : this.speak(said);
  }

  /** Say it, if asked to; that it cannot be said must not hide what it says. */
  async speak(text) {
    if (!this.aloud) return;
    try {
      await this.play(await gateway.speak(text, { voice: STOCK_VOICE }), text);
    } catch (error) {
      this.setAloud(false);
      this.trouble(new Error(`The answer could not be said aloud: ${error.message}`));
    }
  }

  async play(sound, text) {
    const url = URL.createObjectURL(sound);
    this.player?.pause();
    this.player = new Audio(url);
    this.player.addEventListener('ended', () => URL.revokeObjectURL(url), { once: true });
    byId('aloud').dataset.said = text;
    // A browser that has not been touched since the page was loaded plays nothing; the words are there to be read.
    await this.player.play().catch(() => {});
  }
}
