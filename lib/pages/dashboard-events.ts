import type { IncomingMessage, ServerResponse } from 'node:http';
import { onResponseEnd } from '../http/disconnect';
import { McpoError } from '../errors';
import { sendProblem } from '../http/response';

const INTERVAL_MS = 1_000;
/** Each listener costs a connection and a write per second. */
const MAX_LISTENERS = 32;
/** After so many unread snapshots, a listener is disconnected. */
const MAX_MISSED = 30;

const HEADERS = {
  'Content-Type': 'text/event-stream',
  // Proxies that compress or buffer would delay the events.
  'Cache-Control': 'no-store, no-transform',
  'X-Accel-Buffering': 'no',
  'X-Content-Type-Options': 'nosniff',
};

/**
 * A stream of server-sent events: a snapshot at once and then every second, the same for all listeners. Without listeners
 * there is no timer.
 */
export class DashboardEvents {
  readonly #snapshot: () => unknown;
  /** The number of snapshots that each listener has missed. */
  readonly #listeners = new Map<ServerResponse, number>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(snapshot: () => unknown) {
    this.#snapshot = snapshot;
  }

  /** Responds with the stream, until either side ends it. */
  listen(req: IncomingMessage, res: ServerResponse): void {
    const refusal = this.#refusal();
    if (refusal) {
      sendProblem(req, res, refusal);
      return;
    }
    const first = this.#event();
    for (const [name, value] of Object.entries(HEADERS)) res.setHeader(name, value);
    if (req.method === 'HEAD') {
      res.end();
      return;
    }
    onResponseEnd(req, res, () => this.#remove(res));
    this.#listeners.set(res, 0);
    res.write(first);
    this.#timer ??= setInterval(() => this.#send(), INTERVAL_MS).unref();
  }

  /** Ends all streams and rejects new ones. */
  close(): void {
    this.#closed = true;
    this.#end();
  }

  #refusal(): McpoError | undefined {
    if (this.#closed)
      return new McpoError('MCPO_CLOSING', 'the router is shutting down', { retryAfterMs: INTERVAL_MS });
    if (this.#listeners.size < MAX_LISTENERS) return undefined;
    return new McpoError('MCPO_QUEUE_FULL', `${MAX_LISTENERS} dashboards are open already`, { retryAfterMs: 5_000 });
  }

  #send(): void {
    let event: string;
    try {
      event = this.#event();
    } catch {
      // A store of the host may throw. The next request reports and logs the error.
      this.#end();
      return;
    }
    for (const [res, missed] of this.#listeners) {
      if (!res.writableNeedDrain) {
        res.write(event);
        this.#listeners.set(res, 0);
      } else if (missed < MAX_MISSED) {
        this.#listeners.set(res, missed + 1);
      } else {
        this.#remove(res);
        res.destroy();
      }
    }
  }

  #event(): string {
    return `data: ${JSON.stringify(this.#snapshot())}\n\n`;
  }

  #end(): void {
    for (const res of this.#listeners.keys()) {
      this.#remove(res);
      res.end();
    }
  }

  #remove(res: ServerResponse): void {
    this.#listeners.delete(res);
    if (this.#listeners.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
