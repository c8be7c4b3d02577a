import { credentials } from './key.js';

/** After so long without data, in milliseconds, the connection counts as lost. */
const SILENCE_MS = 5_000;

/** The response is not the event stream. */
export class Refused extends Error {
  constructor(status, detail, retryAfterMs) {
    super(detail);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * The snapshots that the server sends, until it ends the stream. `EventSource` cannot send a key, so this reads the same
 * format from a fetch.
 */
export async function* snapshots(url, key, signal) {
  const silence = new AbortController();
  let timer;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(new Error('nothing was heard for a while')), SILENCE_MS);
  };
  heard();
  try {
    const response = await fetch(url, {
      headers: { Accept: 'text/event-stream', ...credentials(key) },
      cache: 'no-store',
      signal: AbortSignal.any([signal, silence.signal]),
    });
    if (!response.ok) throw await refusal(response);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      heard();
      const events = (text + value).split('\n\n');
      text = events.pop();
      for (const event of events) if (event.startsWith('data: ')) yield JSON.parse(event.slice('data: '.length));
    }
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

async function refusal(response) {
  const problem = await response.json().catch(() => ({}));
  const detail = typeof problem.detail === 'string' ? problem.detail : `the server answered ${response.status}`;
  return new Refused(response.status, detail, 1000 * Number(response.headers.get('Retry-After') ?? 0));
}
