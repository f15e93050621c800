// The edit vocabulary as people read it: what each operation is called, which fields a chip shows, and sentences.
// The gateway checks every value again; ranges here only help with typing.
//
//   describe({ op: 'rotate', degrees: 90 })  ->  'Turn by 90°'

const words = (name, label, optional = false) => ({ name, label, kind: 'words', optional });
const number = (name, label, min, max, unit = '', step = 1) => ({ name, label, kind: 'number', min, max, unit, step });
const choice = (name, label, options) => ({ name, label, kind: 'choice', options });
const amount = number('amount', 'amount', -100, 100);
const maybe = (field) => ({ ...field, optional: true });

const ASPECTS = ['1:1', '4:3', '3:2', '16:9', '3:4', '2:3', '9:16'];

/** op -> { verb: as on a chip, now: as in progress, done: as said afterwards, fields } */
export const VOCABULARY = {
  generate: { verb: 'Add', now: 'Adding', done: 'added', fields: [words('prompt', 'what'), words('where', 'where', true)] },
  replace: { verb: 'Change', now: 'Changing', done: 'changed', fields: [words('target', 'what'), { ...words('prompt', 'into what'), before: 'to' }] },
  remove: { verb: 'Remove', now: 'Removing', done: 'removed', fields: [words('target', 'what')] },
  restyle: { verb: 'Make it a', now: 'Restyling as', done: 'restyled as', fields: [words('prompt', 'what'), maybe(number('strength', 'strength', 0.05, 1, '', 0.05))] },
  extend: { verb: 'Extend', now: 'Extending', done: 'extended', fields: [choice('side', 'side', ['left', 'right', 'top', 'bottom', 'all']), number('percent', 'percent', 1, 100, '%')] },
  rotate: { verb: 'Turn by', now: 'Turning by', done: 'turned by', fields: [number('degrees', 'degrees clockwise', -179, 180, '°')] },
  flip: { verb: 'Mirror', now: 'Mirroring', done: 'mirrored', fields: [choice('axis', 'axis', ['horizontal', 'vertical'])] },
  resize: { verb: 'Resize', now: 'Resizing', done: 'resized', fields: [maybe(number('width', 'width', 1, 65500, 'px wide')), maybe(number('height', 'height', 1, 65500, 'px high')), maybe(number('percent', 'percent', 1, 1000, '%'))] },
  crop: { verb: 'Crop', now: 'Cropping', done: 'cropped', fields: [maybe(choice('aspect', 'aspect', ASPECTS)), maybe(number('width', 'width', 1, 65500, 'px wide')), maybe(number('height', 'height', 1, 65500, 'px high')), maybe({ ...choice('to', 'to what', ['subject', 'face']), before: 'to the' })] },
  trim: { verb: 'Trim the edges', now: 'Trimming the edges', done: 'trimmed the edges', fields: [] },
  border: { verb: 'Border', now: 'Adding a border', done: 'added a border', fields: [number('width', 'width', 1, 5000, 'px'), words('color', 'colour')] },
  brightness: { verb: 'Brightness', now: 'Changing brightness', done: 'changed brightness', fields: [amount] },
  contrast: { verb: 'Contrast', now: 'Changing contrast', done: 'changed contrast', fields: [amount] },
  saturation: { verb: 'Colour strength', now: 'Changing colours', done: 'changed colour strength', fields: [amount] },
  temperature: { verb: 'Warmth', now: 'Changing warmth', done: 'changed warmth', fields: [amount] },
  sharpen: { verb: 'Sharpen', now: 'Sharpening', done: 'sharpened', fields: [amount] },
  hue: { verb: 'Shift colours by', now: 'Shifting colours by', done: 'shifted colours by', fields: [number('degrees', 'degrees', -360, 360, '°')] },
  gamma: { verb: 'Gamma', now: 'Applying gamma', done: 'applied gamma', fields: [number('value', 'gamma', 0.1, 10, '', 0.1)] },
  tint: { verb: 'Tint', now: 'Tinting', done: 'tinted', fields: [words('color', 'colour')] },
  blur: { verb: 'Blur', now: 'Blurring', done: 'blurred', fields: [number('radius', 'radius', 0.5, 500, 'px', 0.5), maybe({ ...choice('target', 'what', ['background']), before: 'the' })] },
  pixelate: { verb: 'Pixelate', now: 'Pixelating', done: 'pixelated', fields: [number('size', 'size', 1, 5000, 'px')] },
  grayscale: { verb: 'Black and white', now: 'Taking out the colour', done: 'made it black and white', fields: [] },
  sepia: { verb: 'Sepia', now: 'Making it sepia', done: 'made it sepia', fields: [] },
  invert: { verb: 'Invert', now: 'Inverting', done: 'inverted it', fields: [] },
  autocontrast: { verb: 'Enhance', now: 'Enhancing', done: 'enhanced it', fields: [] },
  remove_background: { verb: 'Remove background', now: 'Removing the background', done: 'removed the background', fields: [] },
  text: { verb: 'Write', now: 'Writing', done: 'wrote', fields: [words('content', 'text'), choice('where', 'where', ['top', 'center', 'bottom']), maybe(words('color', 'colour'))] },
  convert: { verb: 'Save as', now: 'Converting to', done: 'converted to', fields: [choice('format', 'format', ['png', 'jpeg', 'webp']), maybe(number('quality', 'quality', 1, 100))] },
};

/** Operations that change which pixel is where. */
export const RESHAPING = new Set(['rotate', 'flip', 'resize', 'crop', 'trim', 'border', 'extend']);

function lookUp(operation) {
  return VOCABULARY[operation.op] ?? { verb: operation.op, now: operation.op, done: operation.op, fields: [] };
}

function details(operation, entry) {
  return entry.fields
    .filter((field) => operation[field.name] !== undefined && operation[field.name] !== null)
    .map((field) => `${field.before ? `${field.before} ` : ''}${operation[field.name]}${field.unit?.startsWith('px') ? ' ' : ''}${field.unit ?? ''}`)
    .join(' ');
}

/** An operation as on a chip. `form` is verb, now or done. */
export function describe(operation, form = 'verb') {
  const entry = lookUp(operation);
  return `${entry[form]} ${details(operation, entry)}`.trim();
}

/** A whole plan as one line. */
export const describeAll = (operations, form = 'verb') => operations.map((each) => describe(each, form)).join(', ');

/** The entry of an operation; unknown ones get a bare one. */
export const entryOf = lookUp;
