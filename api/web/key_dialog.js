// Asks for the gateway's key when it wants one.

import { byId } from './element.js';

/** Resolve to the key, or to null for "not now". */
export function askForKey() {
  const dialog = byId('key-dialog');
  const input = byId('key-input');
  input.value = '';
  dialog.returnValue = '';
  dialog.showModal();
  byId('key-cancel').onclick = () => dialog.close('');
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'ok' ? input.value.trim() : null), { once: true });
  });
}
