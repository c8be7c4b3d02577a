/** The key of a router is kept per tab, below its mount path: two routers on one host have two keys. */
const NAME = `express-mcpo ${new URL(document.body.dataset.root, location.href).pathname}`;

/** The key that was entered in this tab, or `null`. */
export function storedKey() {
  return sessionStorage.getItem(NAME);
}

export function storeKey(key) {
  sessionStorage.setItem(NAME, key);
}

export function forgetKey() {
  sessionStorage.removeItem(NAME);
}

/** The header that carries a key, if there is one. */
export function credentials(key) {
  return key === null ? {} : { Authorization: `Bearer ${key}` };
}
