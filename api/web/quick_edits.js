// What people do most, one press each: operations that need no sentence.

import { byId, el, icon } from './element.js';

const BUTTONS = [
  ['turn-left', 'Turn left', [{ op: 'rotate', degrees: -90 }]],
  ['turn-right', 'Turn right', [{ op: 'rotate', degrees: 90 }]],
  ['mirror', 'Mirror', [{ op: 'flip', axis: 'horizontal' }]],
  ['crop', 'Crop', ['1:1', '4:3', '3:2', '16:9', '3:4', '9:16'].map((aspect) => [aspect === '1:1' ? 'Square' : aspect, [{ op: 'crop', aspect }]])
    .concat([['To the subject', [{ op: 'crop', to: 'subject' }]], ['To the face', [{ op: 'crop', to: 'face' }]], ['Trim the edges', [{ op: 'trim' }]]])],
  ['magic', 'Enhance', [{ op: 'autocontrast' }]],
  ['sun', 'Brighter', [{ op: 'brightness', amount: 20 }]],
  ['moon', 'Darker', [{ op: 'brightness', amount: -20 }]],
  ['gray', 'Black & white', [{ op: 'grayscale' }]],
  ['cutout', 'Remove background', [{ op: 'remove_background' }]],
  ['resize', 'Size', [['Half', [{ op: 'resize', percent: 50 }]], ['Double', [{ op: 'resize', percent: 200 }]],
    ...[640, 1024, 1920].map((width) => [`${width} px wide`, [{ op: 'resize', width }]])]],
  ['file', 'Format', ['png', 'jpeg', 'webp'].map((format) => [format.toUpperCase(), [{ op: 'convert', format }]])],
];

const isMenu = (content) => Array.isArray(content[0]);

/** Fill the panel; a press runs on what is open or selected. */
export function buildQuickEdits(album, work) {
  const panel = byId('quick');
  const run = (operations) => work.quick(structuredClone(operations));
  for (const [symbol, label, content] of BUTTONS) {
    if (!isMenu(content)) {
      panel.append(el('button', { class: 'quick-button', onclick: () => run(content) }, icon(symbol), el('span', {}, label)));
      continue;
    }
    const id = `menu-${symbol}`;
    const menu = el('div', { class: 'menu', id, popover: 'auto', 'aria-label': label, role: 'group' },
      ...content.map(([name, operations]) => el('button', { class: 'menu-item', onclick: () => { menu.hidePopover(); run(operations); } }, name)));
    const opener = el('button', { class: 'quick-button', popovertarget: id, 'aria-haspopup': 'true' }, icon(symbol), el('span', {}, `${label} …`));
    // Beside its button, wherever the panel is; kept inside the window.
    menu.addEventListener('toggle', (event) => {
      if (event.newState !== 'open') return;
      const from = opener.getBoundingClientRect();
      const { offsetWidth, offsetHeight } = menu;
      menu.style.left = `${Math.max(8, Math.min(from.left, innerWidth - offsetWidth - 8))}px`;
      const below = from.bottom + 4 + offsetHeight <= innerHeight;
      menu.style.top = `${below ? from.bottom + 4 : Math.max(8, from.top - offsetHeight - 4)}px`;
      menu.querySelector('button').focus();
    });
    panel.append(opener, menu);
  }
  const refresh = () => {
    const idle = !work.doing && album.targets.length > 0;
    for (const button of panel.querySelectorAll('.quick-button')) button.disabled = !idle;
  };
  work.addEventListener('state', refresh);
  for (const name of ['current', 'selection', 'items']) album.addEventListener(name, refresh);
  refresh();
}
