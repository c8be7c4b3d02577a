import { McpoError } from '../errors';
import type { Connection } from './connection';

const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 30_000;
// A connection that lived this long was a success: what failed before it no longer counts.
const STABLE_MS = 1_000;

type State =
  | { readonly is: 'connecting'; readonly connection: Promise<Connection> }
  | { readonly is: 'up'; readonly connection: Connection }
  | { readonly is: 'waiting'; readonly until: number }
  | { readonly is: 'closed' };

/** What a link is doing: `down` is waiting for the next try. */
export type LinkState = 'connecting' | 'up' | 'down' | 'closed';

/** Keeps one connection to a server alive: connects, and connects again after a loss, with backoff and jitter. */
export class Link {
  readonly #open: (signal: AbortSignal) => Promise<Connection>;
  readonly #abort = new AbortController();
  #state: State = { is: 'waiting', until: 0 };
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #since = new Date();
  #lastError: Error | undefined;

  /** @param open - makes a ready connection; must not leave anything behind when it rejects */
  constructor(open: (signal: AbortSignal) => Promise<Connection>) {
    this.#open = open;
  }

  get state(): LinkState {
    return this.#state.is === 'waiting' ? 'down' : this.#state.is;
  }

  /** Since when it has been up, or not. */
  get since(): Date {
    return this.#since;
  }

  /** Why the last connection was lost or could not be made. */
  get lastError(): Error | undefined {
    return this.#lastError;
  }

  /** Makes the first connection; resolves when that try has succeeded or failed. */
  async start(): Promise<void> {
    await this.#connect().catch(() => undefined);
  }

  /**
   * The connection, or the one that is being made.
   *
   * @throws McpoError MCPO_SERVER_DOWN while the next try is not yet due; MCPO_CLOSING after `close()`
   */
  get(): Connection | Promise<Connection> {
    const state = this.#state;
    switch (state.is) {
      case 'up':
      case 'connecting':
        return state.connection;
      case 'closed':
        throw new McpoError('MCPO_CLOSING', 'the router is shutting down', { retryAfterMs: 1_000 });
      case 'waiting':
        throw this.#down(state.until);
    }
  }

  /** Closes the connection and tries no more. */
  async close(): Promise<void> {
    const state = this.#state;
    this.#state = { is: 'closed' };
    this.#abort.abort();
    clearTimeout(this.#timer);
    if (state.is === 'up') await state.connection.close();
    // An aborted attempt cleans up after itself before it rejects.
    if (state.is === 'connecting')
      await state.connection.then(
        (connection) => connection.close(),
        () => undefined,
      );
  }

  #connect(): Promise<Connection> {
    const connection = this.#open(this.#abort.signal).then(
      (opened) => this.#up(opened),
      (error: unknown) => this.#failed(error),
    );
    // Nobody may be waiting for it.
    connection.catch(() => undefined);
    this.#state = { is: 'connecting', connection };
    return connection;
  }

  async #up(connection: Connection): Promise<Connection> {
    if (this.#state.is === 'closed') {
      await connection.close();
      return this.get();
    }
    const since = Date.now();
    this.#state = { is: 'up', connection };
    this.#since = new Date();
    connection.onClose(() => {
      if (this.#state.is === 'up') this.#lost(Date.now() - since);
    });
    return connection;
  }

  /** The first loss is mended at once; a server that dies again and again is given time. */
  #lost(livedMs: number): void {
    this.#lastError = new Error('the connection was lost');
    this.#since = new Date();
    if (livedMs >= STABLE_MS) this.#failures = 0;
    if (this.#failures > 0) {
      this.#wait();
      return;
    }
    this.#failures = 1;
    void this.#connect();
  }

  #failed(error: unknown): never {
    if (this.#state.is === 'closed') throw new McpoError('MCPO_CLOSING', 'the router is shutting down');
    this.#lastError = error instanceof Error ? error : new Error(String(error));
    throw this.#down(this.#wait());
  }

  /** Sets the next try; full jitter over the upper half keeps instances from coming back all at once. */
  #wait(): number {
    const ceiling = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** this.#failures);
    this.#failures += 1;
    const delay = ceiling / 2 + (Math.random() * ceiling) / 2;
    const until = Date.now() + delay;
    this.#timer = setTimeout(() => void this.#connect(), delay).unref();
    this.#state = { is: 'waiting', until };
    return until;
  }

  #down(until: number): McpoError {
    return new McpoError('MCPO_SERVER_DOWN', 'the MCP server cannot be reached at the moment', {
      retryAfterMs: until - Date.now(),
      cause: this.#lastError,
    });
  }
}
