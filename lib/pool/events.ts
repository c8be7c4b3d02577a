import { tell } from '../util/listeners';

/**
 * Why a connection left the pool: it ended by itself, did not answer a ping, was idle beyond the minimum, or the pool
 * was closed.
 */
export type CloseReason = 'died' | 'unresponsive' | 'idle' | 'closing';

/** What went wrong: opening a connection, an open connection ended by itself, a ping, or closing a connection. */
export type ErrorReason = 'connect' | 'died' | 'ping' | 'close';

/**
 * What happened in a pool. `saturated`: there are more calls than connections, all connections have been busy and slow for
 * 10 s, and there may be no more of them; told with each tick for as long as it lasts.
 */
export type PoolEvent =
  | { readonly type: 'open' }
  | { readonly type: 'saturated' }
  | { readonly type: 'close'; readonly reason: CloseReason }
  | { readonly type: 'error'; readonly reason: ErrorReason; readonly error: unknown };

/** A pool at one moment. */
export interface PoolStats {
  /** Connections there are: the idle and the busy. */
  readonly connections: number;
  /** Connections without a call. */
  readonly idle: number;
  /** Connections with at least one call. */
  readonly busy: number;
  /** Connections being opened. */
  readonly opening: number;
  /** Leases that have not been given back. */
  readonly inFlight: number;
  /** Callers that wait for a connection. */
  readonly waiting: number;
  /** Connections opened so far. */
  readonly opened: number;
  /** Connections that have left so far. */
  readonly closed: number;
  /** Errors so far; see {@link ErrorReason}. */
  readonly errors: number;
}

/** Counts what happens in a pool and tells its listener. */
export class Journal {
  readonly #listener: ((event: PoolEvent) => void) | undefined;
  #opened = 0;
  #closed = 0;
  #errors = 0;
  #lastError: unknown;

  constructor(listener?: (event: PoolEvent) => void) {
    this.#listener = listener;
  }

  get counts(): Pick<PoolStats, 'opened' | 'closed' | 'errors'> {
    return { opened: this.#opened, closed: this.#closed, errors: this.#errors };
  }

  get lastError(): unknown {
    return this.#lastError;
  }

  opened(): void {
    this.#opened++;
    this.#tell({ type: 'open' });
  }

  closed(reason: CloseReason): void {
    this.#closed++;
    this.#tell({ type: 'close', reason });
  }

  saturated(): void {
    this.#tell({ type: 'saturated' });
  }

  failed(reason: ErrorReason, error: unknown): void {
    this.#errors++;
    this.#lastError = error;
    this.#tell({ type: 'error', reason, error });
  }

  /** A listener that throws must not leave the pool half-way through a change. */
  #tell(event: PoolEvent): void {
    tell(() => this.#listener?.(event));
  }
}
