// Takes a mask along when a picture is turned, mirrored, cut, framed or scaled, by the same rules as the gateway.
// What cannot be told here (where "trim" cut, say) gives null, and the page says that the mask is gone.

import { Mask, sheet } from './mask.js';

function draw(width, height, arrange) {
  const canvas = sheet(width, height);
  arrange(canvas.getContext('2d'));
  return canvas;
}

function turn(canvas, degrees, width, height) {
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.abs(Math.cos(angle)), Math.abs(Math.sin(angle))];
  const exact = degrees % 90 === 0;
  const grow = exact ? Math.round : Math.ceil;
  const size = [grow(width * cos + height * sin - (exact ? 0 : 1e-9)), grow(width * sin + height * cos - (exact ? 0 : 1e-9))];
  return [draw(...size, (context) => {
    context.imageSmoothingEnabled = !exact;
    context.translate(size[0] / 2, size[1] / 2);
    context.rotate(angle);
    context.drawImage(canvas, -width / 2, -height / 2, width, height);
  }), ...size];
}

function cut(canvas, left, top, width, height) {
  return [draw(width, height, (context) => context.drawImage(canvas, -left, -top)), width, height];
}

function crop(canvas, operation, width, height, box) {
  if (operation.to) return box ? cut(canvas, box[0], box[1], box[2] - box[0], box[3] - box[1]) : null;
  let size = [operation.width, operation.height];
  if (operation.aspect) {
    const [across, down] = operation.aspect.split(':').map(Number);
    size = [
      Math.min(width, Math.max(1, Math.round((height * across) / down))),
      Math.min(height, Math.max(1, Math.round((width * down) / across))),
    ];
  }
  return cut(canvas, Math.floor((width - size[0]) / 2), Math.floor((height - size[1]) / 2), ...size);
}

function scale(canvas, operation, width, height) {
  let size;
  if (operation.percent) size = [(width * operation.percent) / 100, (height * operation.percent) / 100];
  else size = [operation.width ?? (width * operation.height) / height, operation.height ?? (height * operation.width) / width];
  size = size.map((side) => Math.max(1, Math.round(side)));
  return [draw(...size, (context) => context.drawImage(canvas, 0, 0, ...size)), ...size];
}

function frame(canvas, width, height, left, top, right, bottom) {
  const size = [width + left + right, height + top + bottom];
  return [draw(...size, (context) => context.drawImage(canvas, left, top, width, height)), ...size];
}

function extend(canvas, { side, percent }, width, height) {
  const [across, down] = [Math.round((width * percent) / 100), Math.round((height * percent) / 100)];
  const on = (name) => side === name || side === 'all';
  return frame(canvas, width, height, on('left') ? across : 0, on('top') ? down : 0, on('right') ? across : 0, on('bottom') ? down : 0);
}

function mirror(canvas, axis, width, height) {
  return [draw(width, height, (context) => {
    if (axis === 'horizontal') context.setTransform(-1, 0, 0, 1, width, 0);
    else context.setTransform(1, 0, 0, -1, 0, height);
    context.drawImage(canvas, 0, 0);
  }), width, height];
}

/** Return the mask that lies on a picture of `width` x `height` after these operations, or null if it cannot be told. */
export function follow(mask, operations, width, height) {
  if (operations.some(({ op }) => op === 'trim') && (mask.width !== width || mask.height !== height)) return null;
  let state = [draw(mask.width, mask.height, (context) => context.drawImage(mask.canvas, 0, 0, mask.width, mask.height)), mask.width, mask.height];
  let box = mask.box();
  for (const operation of operations) {
    const before = state;
    if (operation.op === 'rotate') state = turn(...[state[0], operation.degrees, state[1], state[2]]);
    else if (operation.op === 'flip') state = mirror(state[0], operation.axis, state[1], state[2]);
    else if (operation.op === 'crop') state = crop(state[0], operation, state[1], state[2], box);
    else if (operation.op === 'resize') state = scale(state[0], operation, state[1], state[2]);
    else if (operation.op === 'border') state = frame(...state, ...Array(4).fill(operation.width));
    else if (operation.op === 'extend') state = extend(state[0], operation, state[1], state[2]);
    if (!state) return null;
    if (state !== before) box = new Mask(state[1], state[2], { base: state[0] }).box();
  }
  // Rounding may differ by a pixel; more means that the picture went another way than we think.
  if (Math.abs(state[1] - width) > 2 || Math.abs(state[2] - height) > 2) return null;
  const followed = new Mask(width, height, { base: state[0] });
  return followed.isEmpty ? null : followed;
}
