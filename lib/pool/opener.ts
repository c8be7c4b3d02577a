import { McpoError } from '../errors';
import { Backoff } from './backoff';
import type { Open, PoolResource } from './resource';
import { within } from './within';

/** More than two at a time would make a storm of processes at start-up and in a sudden rush. */
const MAX_AT_A_TIME = 2;

/** What an {@link Opener} reports to. */
export interface OpenerHost<R> {
  /** A connection is there. */
  opened(connection: R): void;
  /** No connection came of it. */
  failed(error: unknown): void;
  /** A try that had to wait is possible now. */
  ready(): void;
}

/** Opens connections: a few at a time, each in bounded time, and after a failure not before the backoff is over. */
export class Opener<R extends PoolResource> {
  readonly #open: Open<R>;
  readonly #timeoutMs: number;
  readonly #host: OpenerHost<R>;
  readonly #underWay = new Set<AbortController>();
  readonly #backoff = new Backoff();
  /** Attempts of one step, which began before the first of them failed, are one failure. */
  #step = 0;
  readonly #abandoned = new AbortController();
  #retry: NodeJS.Timeout | undefined;

  constructor(open: Open<R>, timeoutMs: number, host: OpenerHost<R>) {
    this.#open = open;
    this.#timeoutMs = timeoutMs;
    this.#host = host;
  }

  /** Connections being opened. */
  get opening(): number {
    return this.#underWay.size;
  }

  /** Milliseconds until the backoff is over; 0 when there is none. */
  get retryAfterMs(): number {
    return this.#backoff.remainingMs;
  }

  /** Whether another may be opened now; only one at a time where it is not known that the other side works. */
  mayOpen(alive: number): boolean {
    const atATime = alive === 0 || this.#backoff.failures > 0 ? 1 : MAX_AT_A_TIME;
    return this.opening < atATime && this.#backoff.remainingMs === 0;
  }

  /** Opens one. */
  open(): void {
    void this.#attempt(this.#step);
  }

  /** Calls the host's `ready` when the backoff is over. */
  retryLater(): void {
    if (this.#backoff.remainingMs === 0) return;
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.#host.ready();
    }, Math.ceil(this.#backoff.remainingMs)).unref();
  }

  /** A connection has answered: the next failure is the first again. */
  proven(): void {
    this.#backoff.reset();
  }

  /** A connection broke before it had answered. */
  broke(): void {
    this.#backoff.broke();
  }

  /** Tries no more, and tells what is under way to end. */
  stop(): void {
    clearTimeout(this.#retry);
    for (const attempt of this.#underWay) attempt.abort(new McpoError('MCPO_CLOSING', 'the pool is closing'));
  }

  /** Waits no longer for what is under way; what still comes of it is closed. */
  abandon(): void {
    this.#abandoned.abort();
  }

  async #attempt(step: number): Promise<void> {
    const attempt = new AbortController();
    this.#underWay.add(attempt);
    const work = (async () => this.#open(attempt.signal))();
    try {
      const connection = await within(work, this.#timeoutMs, () => this.#late(), this.#abandoned.signal);
      if (connection.closed) throw new McpoError('MCPO_CONNECTION_LOST', 'the connection ended as soon as it was open');
      this.#underWay.delete(attempt);
      this.#host.opened(connection);
    } catch (error) {
      this.#underWay.delete(attempt);
      attempt.abort(error);
      work.then((connection) => connection.close()).catch(() => undefined);
      if (this.#step === step) {
        this.#step++;
        this.#backoff.fail();
      }
      this.#host.failed(error);
    }
  }

  #late(): McpoError {
    return new McpoError('MCPO_TIMEOUT', `no connection within ${this.#timeoutMs} ms`);
  }
}
