// What must survive a reload, in IndexedDB: pictures and masks as blobs, their histories and the page's own state.
// What cannot be written (a full disk, a browser that forbids it) is kept in memory until the tab is closed, so that the
// work goes on. Knows nothing of what the values mean.

const STORES = ['page', 'items', 'blobs', 'masks'];

/** Values that could not be written, by store. */
const unwritten = Object.fromEntries(STORES.map((store) => [store, new Map()]));

let opening = null;

function open() {
  opening ??= new Promise((resolve, reject) => {
    // Throws where a browser forbids storage; that rejects the promise too.
    const request = indexedDB.open('tawny', 1);
    request.onupgradeneeded = () => {
      for (const store of STORES) request.result.createObjectStore(store);
    };
    request.onsuccess = () => {
      // Another tab with a newer page may want to change the layout.
      request.result.onversionchange = () => request.result.close();
      resolve(request.result);
    };
    request.onerror = () => reject(request.error);
  });
  return opening;
}

function settle(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function write(stores, act) {
  const database = await open();
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(stores, 'readwrite');
    transaction.oncomplete = () => resolve();
    transaction.onerror = () => reject(transaction.error);
    transaction.onabort = () => reject(transaction.error ?? new Error('the write was given up'));
    act(transaction);
  });
}

/** Write several values at once or none: [[store, key, value], ...]; a value of undefined deletes. */
export async function putAll(entries) {
  const stores = [...new Set(entries.map(([store]) => store))];
  if (!stores.length) return;
  try {
    await write(stores, (transaction) => {
      for (const [store, key, value] of entries) {
        if (value === undefined) transaction.objectStore(store).delete(key);
        else transaction.objectStore(store).put(value, key);
      }
    });
    for (const [store, key] of entries) unwritten[store].delete(key);
  } catch (error) {
    for (const [store, key, value] of entries) unwritten[store].set(key, value);
    throw error;
  }
}

/** Read one value, or undefined. */
export async function get(store, key) {
  if (unwritten[store].has(key)) return unwritten[store].get(key);
  const database = await open().catch(() => null);
  return database ? settle(database.transaction(store).objectStore(store).get(key)) : undefined;
}

/** Read all values of a store. */
export async function getAll(store) {
  const database = await open();
  return settle(database.transaction(store).objectStore(store).getAll());
}

/** Ask the browser not to throw the pictures away when its disk fills; it may say no. */
export async function persist() {
  return navigator.storage?.persist?.().catch(() => false) ?? false;
}
