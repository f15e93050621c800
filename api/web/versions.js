// The history of one picture, as a tree that never forgets: undo goes to the parent, redo to the child last visited,
// and a change after an undo begins a new branch beside the old one. Pure: knows neither pixels nor the page.
//
//   const history = begin({ id: 'a' });
//   add(history, { id: 'b' }); undo(history); redo(history);

/** A history with one version. */
export function begin(original) {
  return { versions: [{ ...original, parent: null }], head: original.id, next: {} };
}

/** The version with this id. */
export function find(history, id) {
  return history.versions.find((version) => version.id === id) ?? null;
}

/** The version that is shown. */
export function head(history) {
  return find(history, history.head);
}

/** The version that everything began with. */
export function original(history) {
  return history.versions[0];
}

/** Add a version made from `parent` and show it. */
export function add(history, version, parent = history.head) {
  history.versions.push({ ...version, parent });
  history.next[parent] = version.id;
  history.head = version.id;
}

/** Show any version; redo leads back to where this came from. */
export function visit(history, id) {
  history.head = id;
  for (let at = find(history, id); at?.parent; at = find(history, at.parent)) history.next[at.parent] = at.id;
}

/** Whether there is something to undo. */
export const canUndo = (history) => head(history).parent !== null;

/** Whether there is something to redo. */
export const canRedo = (history) => history.next[history.head] !== undefined;

/** Go back one change; false at the beginning. */
export function undo(history) {
  if (!canUndo(history)) return false;
  history.head = head(history).parent;
  return true;
}

/** Go forward one change; false at the end. */
export function redo(history) {
  if (!canRedo(history)) return false;
  history.head = history.next[history.head];
  return true;
}
