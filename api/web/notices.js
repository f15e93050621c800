// Tells a person what went wrong and what to do, beside the command, with a button for the next step. Stays until it is
// closed or something succeeds; the same sentence is never shown twice.

import { byId, el, icon } from './element.js';

const AGAIN = new Set(['unreachable', 'broken_off', 'busy', 'engine_failed', 'device_lost', 'out_of_memory', 'shutting_down', 'unavailable']);

/** Show a message; `actions` are [label, act] pairs. `kind` is trouble or news. */
export function tell(message, { actions = [], kind = 'trouble' } = {}) {
  const area = byId('notices');
  for (const old of area.children) if (old.dataset.message === message) old.remove();
  const close = () => notice.remove();
  const buttons = actions.map(([label, act]) => el('button', { class: 'plain small', onclick: () => { close(); act(); } }, label));
  const notice = el('div', { class: `notice ${kind}`, 'data-message': message }, el('p', {}, message), ...buttons,
    el('button', { class: 'tool small', 'aria-label': 'Close', onclick: close }, icon('close')));
  area.append(notice);
  while (area.children.length > 3) area.firstElementChild.remove();
  return notice;
}

/** Take all messages away. */
export function clear() {
  byId('notices').replaceChildren();
}

/** Say that pictures cannot be written to the browser's storage. */
export function tellUnwritten(error) {
  const why = error.name === 'QuotaExceededError' ? 'has no room left for more versions' : 'does not let this page keep pictures';
  return tell(`The browser ${why}. You can go on, but this tab's pictures are lost when it is closed: download what matters${
    error.name === 'QuotaExceededError' ? ', and remove pictures you no longer need' : ''}.`);
}

/** Show an error of the gateway or of the page itself. `again` repeats what failed; `paint` opens the mask. */
export function tellError(error, { again = null, paint = null } = {}) {
  const actions = [];
  if (paint && (error.param === 'mask' || ['mask_required', 'mask_mismatch'].includes(error.code))) actions.push(['Paint the place', paint]);
  if (again && (AGAIN.has(error.code) || error.status >= 500)) actions.push(['Try again', again]);
  return tell(sentence(error), { actions });
}

/** An error as a sentence that says what to do. */
export function sentence(error) {
  const message = error.message || String(error);
  return /[.!?…]$/.test(message) ? message : `${message}.`;
}
