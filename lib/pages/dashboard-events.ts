import type { IncomingMessage, ServerResponse } from 'node:http';
import { onResponseEnd } from '../http/disconnect';
import { McpoError } from '../errors';
import { sendProblem } from '../http/response';

const INTERVAL_MS = 1_000;
/** Each costs a connection and the time to write to it. */
const MAX_LISTENERS = 32;
/** Snapshots that a listener may leave unread before it is taken for gone. */
const MAX_MISSED = 30;

const HEADERS = {
  'Content-Type': 'text/event-stream',
  // What compresses or buffers on the way would hold the events back.
  'Cache-Control': 'no-store, no-transform',
  'X-Accel-Buffering': 'no',
  'X-Content-Type-Options': 'nosniff',
};

/**
 * A stream of server-sent events: a snapshot at once and each second, the same for all listeners, which is also their
 * heartbeat. Without listeners there is no timer and no work.
 */
export class DashboardEvents {
  readonly #snapshot: () => unknown;
  /** How many snapshots each has missed, as it has not read the ones before. */
  readonly #listeners = new Map<ServerResponse, number>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(snapshot: () => unknown) {
    this.#snapshot = snapshot;
  }

  /** Answers with the stream, until either side ends it. */
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
    onResponseEnd(req, res, () => {
      this.#forget(res);
    });
    this.#listeners.set(res, 0);
    res.write(first);
    this.#timer ??= setInterval(() => {
      this.#tell();
    }, INTERVAL_MS).unref();
  }

  /** Ends all streams, and refuses new ones. */
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

  #tell(): void {
    let event: string;
    try {
      event = this.#event();
    } catch {
      // A store of the host's own may fail to tell its numbers: who asks again is told why, and the log is too.
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
        this.#forget(res);
        res.destroy();
      }
    }
  }

  #event(): string {
    return `data: ${JSON.stringify(this.#snapshot())}\n\n`;
  }

  #end(): void {
    for (const res of this.#listeners.keys()) {
      this.#forget(res);
      res.end();
    }
  }

  #forget(res: ServerResponse): void {
    this.#listeners.delete(res);
    if (this.#listeners.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
