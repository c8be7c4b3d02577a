import { Alerts } from './alerts.js';
import { byId, setText } from './dom.js';
import { time } from './format.js';
import { History } from './history.js';
import { forgetKey, storedKey } from './key.js';
import { Overview, showHead } from './overview.js';
import { Servers } from './servers.js';
import { Refused, snapshots } from './stream.js';
import { Tools } from './tools.js';

/** The times before reconnecting, in milliseconds; the last one repeats. */
const DELAYS_MS = [1_000, 2_000, 5_000, 10_000];

const url = new URL(document.body.dataset.events, location.href);

const content = byId('content');
const badge = byId('health');
const pause = byId('pause');
const forget = byId('forget');
const history = new History();
let views;
let latest;
let stream = new AbortController();

function say(text) {
  setText(byId('connection'), text);
}

/** A hidden page is drawn when it becomes visible. */
function draw() {
  if (!latest || document.hidden) return;
  content.hidden = false;
  badge.hidden = false;
  views ??= [
    new Overview(byId('overview'), byId('charts')),
    new Alerts(byId('alerts'), byId('no-alerts')),
    new Servers(byId('servers')),
    new Tools({ table: byId('tools'), filter: byId('filter'), sorted: byId('sorted'), shown: byId('shown') }),
  ];
  showHead(byId('title'), badge, latest);
  for (const view of views) view.show(latest, history);
}

/** Reads the stream, and reconnects, until `stream` is aborted or the key has become wrong. */
async function follow() {
  stream.abort();
  stream = new AbortController();
  const { signal } = stream;
  for (let failures = 0; !signal.aborted; failures += 1) {
    let delay = DELAYS_MS[Math.min(failures, DELAYS_MS.length - 1)];
    let reason = 'The connection is lost';
    try {
      for await (const snapshot of snapshots(url, storedKey(), signal)) {
        failures = 0;
        latest = snapshot;
        history.add(snapshot);
        say('Live');
        draw();
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused) {
        // The server asks for another key in place of the page.
        if (error.status === 401 && latest) return location.reload();
        reason = `Refused: ${error.message}`;
        delay = Math.max(delay, error.retryAfterMs);
      }
    }
    if (signal.aborted) return;
    const since = latest ? `; what you see is of ${time(latest.timestamp)}` : '';
    say(`${reason}${since}. It is tried again.`);
    await new Promise((resolve) => setTimeout(resolve, delay));
  }
}

function start() {
  forget.hidden = storedKey() === null;
  pause.setAttribute('aria-pressed', 'false');
  say('Connecting');
  void follow();
}

forget.addEventListener('click', () => {
  forgetKey();
  location.reload();
});
pause.addEventListener('click', () => {
  if (pause.getAttribute('aria-pressed') === 'true') return start();
  stream.abort();
  pause.setAttribute('aria-pressed', 'true');
  say(latest ? `Paused at ${time(latest.timestamp)}` : 'Paused');
});
document.addEventListener('visibilitychange', draw);

start();
