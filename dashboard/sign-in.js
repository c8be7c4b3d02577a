import { byId, setText } from './dom.js';
import { credentials, forgetKey, storeKey, storedKey } from './key.js';

const form = byId('access');

function askForKey(why) {
  form.hidden = false;
  setText(byId('connection'), 'A key is needed');
  setText(byId('access-error'), why);
  byId('key').focus();
}

/** Gets the page of this address with the key, and shows it in place of this one. */
async function open(key) {
  setText(byId('connection'), 'Connecting');
  const headers = { Accept: 'text/html', ...credentials(key) };
  let response;
  try {
    response = await fetch(location.href, { headers, cache: 'no-store' });
  } catch {
    return askForKey('the server cannot be reached');
  }
  if (response.status === 401) {
    forgetKey();
    return askForKey('the credentials are not valid');
  }
  if (!response.ok) {
    const problem = await response.json().catch(() => ({}));
    return askForKey(problem.detail ?? `the server answered ${response.status}`);
  }
  storeKey(key);
  const page = await response.text();
  document.open();
  document.write(page);
  document.close();
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const key = byId('key').value.trim();
  byId('key').value = '';
  // A key that no header can carry is invalid.
  if (/^[\x21-\x7e]+$/.test(key)) void open(key);
  else askForKey('the credentials are not valid');
});

const stored = storedKey();
if (stored === null) askForKey('');
else void open(stored);
