// Fingers, mouse, pen and keys on the stage: what they mean. One pointer paints while a painter is active, else moves
// the picture (or the line between before and after); two pinch; the wheel zooms where it points.

const KEY_STEP = 40;

/** Listen on the stage's canvas. `painter` has active, start, move, end, cancel, hover, key; `slide(x)` moves the split. */
export function listen(stage, painter, slide) {
  const { canvas, view } = stage;
  const pointers = new Map();
  let painting = false;
  let pinch = null;
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const measure = () => {
    const [[ax, ay], [bx, by]] = [...pointers.values()];
    return { x: (ax + bx) / 2, y: (ay + by) / 2, span: Math.max(1, Math.hypot(ax - bx, ay - by)) };
  };

  canvas.addEventListener('pointerdown', (event) => {
    if (!stage.picture || event.button > 1) return;
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, place(event));
    if (pointers.size === 2) {
      // The first finger only seemed to paint.
      if (painting) painter.cancel();
      painting = false;
      pinch = measure();
    } else if (pointers.size === 1 && painter.active && event.button === 0 && !event.altKey) {
      painting = true;
      painter.start(...view.toPicture(...place(event)));
    }
  });

  canvas.addEventListener('pointermove', (event) => {
    const now = place(event);
    const before = pointers.get(event.pointerId);
    if (!before) {
      if (painter.active && event.pointerType !== 'touch') painter.hover(...view.toPicture(...now));
      return;
    }
    pointers.set(event.pointerId, now);
    if (pinch && pointers.size === 2) {
      const next = measure();
      view.zoom(next.span / pinch.span, next.x, next.y);
      view.pan(next.x - pinch.x, next.y - pinch.y);
      pinch = next;
      stage.redraw();
    } else if (painting) {
      // A fast stroke arrives as few events that hold many points.
      const all = event.getCoalescedEvents?.() ?? [];
      for (const each of all.length ? all : [event]) painter.move(...view.toPicture(...place(each)));
    } else if (pointers.size === 1 && stage.split !== null) {
      slide(now[0] / view.frame[0]);
    } else if (pointers.size === 1) {
      view.pan(now[0] - before[0], now[1] - before[1]);
      stage.redraw();
    }
  });

  const lift = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    if (pointers.size < 2) pinch = null;
    if (!painting || pointers.size) return;
    painting = false;
    if (event.type === 'pointercancel') painter.cancel();
    else painter.end();
  };
  canvas.addEventListener('pointerup', lift);
  canvas.addEventListener('pointercancel', lift);
  canvas.addEventListener('pointerleave', () => painter.active && painter.hover(null));

  canvas.addEventListener('wheel', (event) => {
    if (!stage.picture) return;
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    view.zoom(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0015)), ...place(event));
    stage.redraw();
  }, { passive: false });

  canvas.addEventListener('keydown', (event) => {
    if (!stage.picture || event.ctrlKey || event.metaKey || event.altKey) return;
    if (painter.active && painter.key(event)) return event.preventDefault();
    const moves = { ArrowLeft: [KEY_STEP, 0], ArrowRight: [-KEY_STEP, 0], ArrowUp: [0, KEY_STEP], ArrowDown: [0, -KEY_STEP] };
    if (event.key in moves && stage.split !== null && event.key !== 'ArrowUp' && event.key !== 'ArrowDown') {
      slide(stage.split + (event.key === 'ArrowRight' ? 0.05 : -0.05));
    } else if (event.key in moves) view.pan(...moves[event.key]);
    else if (event.key === '+' || event.key === '=') view.zoom(1.25);
    else if (event.key === '-') view.zoom(0.8);
    else if (event.key === '0') view.fit();
    else return undefined;
    event.preventDefault();
    stage.redraw();
    return undefined;
  });
}
