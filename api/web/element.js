// Small ways to make and find elements. Never sets HTML from text: the page's policy forbids it, and nothing needs it.
//
//   el('button', { class: 'plain', onclick: run, 'aria-label': 'Run' }, icon('again'), 'Run')

const SVG = 'http://www.w3.org/2000/svg';

/** Make an element. `on...` are listeners, booleans switch attributes (aria has words for them), null is left out. */
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (name.startsWith('aria-')) {
      node.setAttribute(name, String(value));
      continue;
    }
    if (value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (name === 'value') node.value = value;
    else node.setAttribute(name, value === true ? '' : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** An icon of the page's sprite. */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  return svg;
}

/** The element with this id; a typing mistake fails at once. */
export function byId(id) {
  const node = document.getElementById(id);
  if (!node) throw new Error(`no element #${id}`);
  return node;
}

/** Show or hide. */
export function show(node, visible) {
  node.hidden = !visible;
}

/** Say something to people who do not see the page. */
export function announce(text) {
  byId('spoken-status').textContent = text;
}

/** A button that is pressed or not. */
export function press(button, pressed) {
  button.setAttribute('aria-pressed', String(pressed));
}

/** A new identifier; works without https too. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Bytes for people. */
export function inBytes(count) {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

/** Hand a blob to the person as a file. */
export function saveAs(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = el('a', { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
