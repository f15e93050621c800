// Records what is said: hold the button (or the space bar on it) and let go, or tap to start and tap to stop.
// Hands over a WebM; knows nothing of what becomes of it.

const TAP = 350;
const LONGEST = 60_000;
const KINDS = ['audio/webm;codecs=opus', 'audio/webm', 'audio/mp4', 'audio/ogg;codecs=opus'];

/** Why there is no microphone, in words. */
function explain(error) {
  if (!window.isSecureContext) return 'Browsers open the microphone only for https pages and for this machine itself. Open the page as http://127.0.0.1 or put https in front.';
  if (error?.name === 'NotAllowedError') return 'The browser may not use the microphone. Allow it beside the address, then hold the button again.';
  if (error?.name === 'NotFoundError') return 'No microphone was found. Plug one in, or type the command.';
  return `The microphone could not be opened (${error?.name ?? 'unknown'}). Type the command instead.`;
}

export class Microphone {
  /** `take(blob)` gets the sound, `fail(sentence)` why there is none; `seconds` is the longest recording. */
  constructor(button, { take, fail, longest = LONGEST }) {
    Object.assign(this, { button, take, fail, longest, recorder: null, since: 0 });
    button.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      button.setPointerCapture(event.pointerId);
      this.press();
    });
    for (const name of ['pointerup', 'pointercancel']) button.addEventListener(name, () => this.release());
    button.addEventListener('contextmenu', (event) => event.preventDefault());
    button.addEventListener('keydown', (event) => {
      if (![' ', 'Enter'].includes(event.key)) return;
      event.preventDefault();
      if (!event.repeat) this.press();
    });
    button.addEventListener('keyup', (event) => [' ', 'Enter'].includes(event.key) && this.release());
    // What neither pointer nor key caused: a screen reader's activation. It has no duration, so it toggles.
    button.addEventListener('click', (event) => {
      if (event.detail === 0 && performance.now() - this.since > 2 * TAP && !this.held) this.toggle();
    });
  }

  toggle() {
    if (this.recording) this.stop();
    else this.start();
  }

  press() {
    this.held = true;
    if (this.recording) {
      this.stop();
      this.since = 0;
      return;
    }
    this.since = performance.now();
    this.start();
  }

  /** A short press leaves it on until the next; a long one ends here. */
  release() {
    if (!this.held) return;
    this.held = false;
    if (this.since && performance.now() - this.since > TAP) this.stop();
  }

  get recording() {
    return this.wanted === true;
  }

  async start() {
    this.wanted = true;
    this.button.classList.add('recording');
    this.button.setAttribute('aria-pressed', 'true');
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true } });
    } catch (error) {
      this.rest();
      this.fail(explain(error));
      return;
    }
    const close = () => stream.getTracks().forEach((track) => track.stop());
    if (!this.wanted) {
      // Let go while the browser was still asking for permission.
      close();
      return;
    }
    const pieces = [];
    const mimeType = KINDS.find((kind) => MediaRecorder.isTypeSupported(kind));
    const recorder = new MediaRecorder(stream, mimeType ? { mimeType } : {});
    this.recorder = recorder;
    recorder.addEventListener('dataavailable', ({ data }) => pieces.push(data));
    recorder.addEventListener('stop', () => {
      close();
      const type = recorder.mimeType.split(';')[0];
      const sound = new File(pieces, `spoken.${type.split('/')[1]}`, { type });
      if (sound.size) this.take(sound);
    });
    recorder.start();
    this.timer = setTimeout(() => this.stop(), this.longest);
  }

  rest() {
    this.wanted = false;
    clearTimeout(this.timer);
    this.button.classList.remove('recording');
    this.button.setAttribute('aria-pressed', 'false');
  }

  stop() {
    this.rest();
    if (this.recorder?.state === 'recording') this.recorder.stop();
    this.recorder = null;
  }
}
