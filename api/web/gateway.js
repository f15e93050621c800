// Everything this page asks of the HTTP gateway. Knows its routes and its error body; knows no element of the page.
//
//   const { operations } = await gateway.plan('rotate right', { signal });
//   const result = await gateway.edit({ blob, operations, signal, tell });

import { readEvents } from './event_stream.js';

const KEY = 'tawny-key';

/** What went wrong: `code` is stable, `message` is for people and says what to do. */
export class GatewayError extends Error {
  constructor(message, { status = 0, code = 'unreachable', param = null, retryAfter = null } = {}) {
    super(message);
    Object.assign(this, { status, code, param, retryAfter });
  }
}

const UNREACHABLE = 'Tawny does not answer. Start it with ./scripts/serve and try again. '
  + 'Your pictures are safe in this browser.';
const BROKEN_OFF = 'The connection broke off before the work was done. Try again; your picture is unchanged.';

let asking = null;
let askForKey = async () => null;

/** Set what asks a person for the key: an async function that returns it, or null for "not now". */
export function onKeyNeeded(ask) {
  askForKey = ask;
}

function newKey() {
  asking ??= askForKey().finally(() => { asking = null; });
  return asking;
}

async function send(path, options = {}) {
  for (;;) {
    const key = sessionStorage.getItem(KEY);
    const headers = new Headers(options.headers);
    if (key) headers.set('authorization', `Bearer ${key}`);
    let response;
    try {
      response = await fetch(path, { ...options, headers, credentials: 'omit', cache: 'no-store' });
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      throw new GatewayError(UNREACHABLE);
    }
    if (response.ok) return response;
    if (response.status === 401 && !options.silent) {
      const given = await newKey();
      if (given) {
        sessionStorage.setItem(KEY, given);
        continue;
      }
    }
    throw await readError(response);
  }
}

async function readError(response) {
  const told = await response.json().catch(() => null);
  const retryAfter = Number(response.headers.get('retry-after')) || null;
  return toError(told?.error, { status: response.status, retryAfter });
}

function toError(error, { status = 500, retryAfter = null } = {}) {
  const message = error?.message ?? `The gateway answered ${status}, and did not say why. Look into its log.`;
  return new GatewayError(message, { status, code: error?.code ?? 'unknown', param: error?.param, retryAfter });
}

function json(body, signal) {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body), signal };
}

function form(fields) {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value === null || value === undefined || value === '') continue;
    if (value instanceof Blob) data.append(name, value, value.name ?? name);
    else data.append(name, typeof value === 'object' ? JSON.stringify(value) : String(value));
  }
  return data;
}

/** Bytes of base64 text. */
export function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index += 1) bytes[index] = binary.charCodeAt(index);
  return bytes;
}

function pictureOf(told) {
  return new Blob([fromBase64(told.b64_json)], { type: `image/${told.output_format ?? 'png'}` });
}

function soundOf({ audio, format }) {
  return audio ? new Blob([fromBase64(audio)], { type: format === 'mp3' ? 'audio/mpeg' : `audio/${format}` }) : null;
}

/** The operations that a sentence means. */
export async function plan(command, { signal } = {}) {
  return (await send('/v1/images/plans', json({ command }, signal))).json();
}

/** Edit one picture; `tell` hears of {plan}, {progress}, {preview} and {answer}. Returns {blob, operations, seed}. */
export async function edit({ blob, operations, mask, options = {}, signal, tell = () => {} }) {
  const body = form({ image: blob, operations, mask, stream: 'true', partial_images: 2, ...options });
  const response = await send('/v1/images/edits', { method: 'POST', body, signal });
  const devices = response.headers.get('x-tawny-device');
  try {
    for await (const { name, data } of readEvents(response.body)) {
      if (name === 'image_edit.plan') tell({ plan: data.operations });
      else if (name === 'image_edit.progress') tell({ progress: data });
      else if (name === 'image_edit.partial_image') tell({ preview: pictureOf(data) });
      else if (name === 'image_edit.answer') tell({ answer: { text: data.text, sound: soundOf(data) } });
      else if (name === 'image_edit.completed') {
        return { blob: pictureOf(data), operations: data.operations, seed: data.seed, devices };
      } else if (name === 'error') throw toError(data.error, { retryAfter: data.error?.retry_after ?? null });
    }
  } catch (error) {
    if (error.name === 'AbortError' || error instanceof GatewayError) throw error;
    throw new GatewayError(BROKEN_OFF, { code: 'broken_off' });
  }
  throw new GatewayError(BROKEN_OFF, { code: 'broken_off' });
}

/** Write down a sound; `tell` gets each piece of text. Returns the whole text. */
export async function transcribe(sound, { language, signal, tell = () => {} } = {}) {
  const body = form({ file: sound, language, model: 'whisper-1', response_format: 'json', stream: 'true' });
  const response = await send('/v1/audio/transcriptions', { method: 'POST', body, signal });
  for await (const { name, data } of readEvents(response.body)) {
    if (name === 'transcript.text.delta') tell(data.delta);
    else if (name === 'transcript.text.done') return data.text.trim();
    else if (name === 'error') throw toError(data.error);
  }
  throw new GatewayError(BROKEN_OFF, { code: 'broken_off' });
}

/** Subtitles of a sound as text: `format` is "srt" or "vtt". */
export async function subtitles(sound, format, { language, signal } = {}) {
  const body = form({ file: sound, language, model: 'whisper-1', response_format: format });
  return (await send('/v1/audio/transcriptions', { method: 'POST', body, signal })).text();
}

/** A text as sound. */
export async function speak(text, { voice, speed = 1, format = 'wav', signal } = {}) {
  const body = { input: text, voice, speed, response_format: format, model: 'tts-1' };
  return (await send('/v1/audio/speech', json(body, signal))).blob();
}

async function get(path, options) {
  return (await send(path, options)).json();
}

/** Installed voices. */
export const voices = () => get('/v1/audio/voices');

/** Models on disk. */
export const models = async () => (await get('/v1/models')).data ?? [];

/** What the machine is and does. Asks for no key by itself. */
export const status = () => get('/v1/status', { silent: true });
