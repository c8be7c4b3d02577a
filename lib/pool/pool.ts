import type { Cancellation } from '../util/cancellation';
import { randomUUID } from 'node:crypto';
import { McpoError, isMcpoError } from '../errors';
import { Breaker, type BreakerState } from './breaker';
import { type CloseReason, Journal, type PoolStats } from './events';
import { PooledLease, type PooledConnection } from './pooled-connection';
import { poolConfig, type PoolOptions } from './options';
import { closing, sessionLost } from './refusals';
import type { Lease, Open, PoolResource } from './resource';
import { Drain } from '../util/drain';
import { Connections } from './connections';
import { Waiters } from './waiters';

/** How a caller waits for a connection. */
export interface AcquireOptions {
  /** Ends the wait, with its reason. A call that has its connection is for its maker to end. @defaultValue none */
  readonly signal?: Cancellation | undefined;
}

/**
 * One or more connections to one place, each of which takes many calls at a time.
 *
 * A call goes to the connection with the fewest in flight, and waits only when all are full. The pool opens another when
 * all are busy and slow, closes what is long idle beyond the minimum, and replaces what dies: at once when it had
 * worked, else after a backoff. It opens nothing before {@link ConnectionPool.start} or the first call.
 *
 * @example
 * ```ts
 * const pool = new ConnectionPool((signal) => connect(url, signal), { maxConnections: 4 });
 * const result = await pool.use((connection) => connection.call('echo', { text: 'hello' }));
 * await pool.close();
 * ```
 */
export class ConnectionPool<R extends PoolResource> {
  readonly #journal: Journal;
  readonly #connections: Connections<R>;
  readonly #waiters: Waiters<PooledLease<R>>;
  readonly #drain = new Drain(() => this.#inFlight === 0 && this.#connections.opening === 0);
  readonly #breaker: Breaker | undefined;
  #inFlight = 0;
  /** Those who wait without a call. */
  #starting = 0;
  #closing: Promise<void> | undefined;
  readonly #stateful: boolean;
  /** Whether a session was lost, and no call has been told yet. */
  #isSessionLost = false;
  #life: string = randomUUID();

  /**
   * @param open - opens a connection
   * @throws ConfigError for an option that cannot work
   */
  constructor(open: Open<R>, options: PoolOptions = {}) {
    const config = poolConfig(options);
    this.#stateful = options.stateful ?? false;
    this.#journal = new Journal(options.onEvent);
    this.#waiters = new Waiters(config.maxWaiting, config.acquireTimeoutMs);
    this.#connections = new Connections(
      open,
      config,
      this.#journal,
      {
        inFlight: () => this.#inFlight,
        waiting: () => this.#waiters.size,
        isWanted: () => this.#waiters.size > this.#starting,
        connected: () => {
          this.#breaker?.close();
          this.#serve();
        },
        room: () => this.#serve(),
        unavailable: () => this.#waiters.rejectAll(this.#down()),
        settled: () => this.#drain.check(),
        left: (pooled, reason) => this.#left(pooled, reason),
      },
      options.takeTurn,
    );
    this.#breaker = options.breaker && new Breaker(options.breaker, () => this.retryAfterMs);
  }

  /** The pool at this moment. */
  get stats(): PoolStats {
    const { size, busy, opening } = this.#connections;
    return {
      connections: size,
      idle: size - busy,
      busy,
      opening,
      inFlight: this.#inFlight,
      waiting: this.#waiters.size,
      ...this.#journal.counts,
    };
  }

  /** Milliseconds until a connection may be opened again after one could not be; 0 when it may be. */
  get retryAfterMs(): number {
    return this.#connections.retryAfterMs;
  }

  /** Whether calls are refused because too many in a row have found no connection; `closed` without the option. */
  get breaker(): BreakerState {
    return this.#breaker?.state ?? 'closed';
  }

  /** A name for what the connections remember: another one once one of them has ended. */
  get life(): string {
    return this.#life;
  }

  /** When idle connections were last pinged; `undefined` before the first time. */
  get checkedAt(): Date | undefined {
    return this.#connections.maintenance.checkedAt;
  }

  /** The latest error of opening, pinging, losing or closing a connection; `undefined` when there was none. */
  get lastError(): unknown {
    return this.#journal.lastError;
  }

  /**
   * Opens the first connection, and then the rest of the minimum in the background. Resolves with the first.
   *
   * @throws McpoError as {@link ConnectionPool.acquire}; the pool goes on trying
   */
  async start(): Promise<void> {
    this.#starting++;
    try {
      await this.reached();
    } finally {
      this.#starting--;
    }
  }

  /** The same for a call that waits for it: its connection is opened before those of pools that nobody waits for. */
  async reached({ signal }: AcquireOptions = {}): Promise<void> {
    this.#giveBack(this.#take() ?? (await this.#wait(signal)));
  }

  /**
   * Makes one call on a connection.
   *
   * @throws what `call` throws, and as {@link ConnectionPool.acquire}
   */
  async use<T>(call: (connection: R) => Promise<T>, { signal }: AcquireOptions = {}): Promise<T> {
    signal?.throwIfAborted();
    this.#tellLoss();
    const lease = this.#take() ?? (await this.#wait(signal));
    try {
      return await call(lease.connection);
    } catch (error) {
      lease.hasFailed = true;
      lease.isLate = isMcpoError(error) && error.code === 'MCPO_TIMEOUT';
      if (lease.connection.closed && isMcpoError(error) && error.code === 'MCPO_SERVER_DOWN')
        this.#knownLost(lease.pooled);
      throw error;
    } finally {
      lease.release();
    }
  }

  /** A lease, when there is room now; it must be released. Opens nothing and never throws. */
  tryAcquire(): Lease<R> | undefined {
    return this.#take();
  }

  /**
   * A lease, as soon as there is room; it must be released.
   *
   * @throws McpoError `MCPO_SERVER_DOWN` when no connection could be opened, and at once while the backoff lasts;
   * also once after a connection was lost where the option `stateful` is set; `MCPO_BREAKER_OPEN` as the option `breaker` says; `MCPO_POOL_EXHAUSTED` when too many wait or the wait is over; `MCPO_CLOSING` from {@link ConnectionPool.close} on
   */
  async acquire({ signal }: AcquireOptions = {}): Promise<Lease<R>> {
    signal?.throwIfAborted();
    this.#tellLoss();
    return this.#take() ?? this.#wait(signal);
  }

  /**
   * Refuses new calls, lets those in flight end, and closes all connections. A second call joins the first.
   *
   * @param drainMs - how long calls in flight, and connections being opened, may take to end, in milliseconds
   */
  close(drainMs = 10_000): Promise<void> {
    if (!this.#closing) {
      this.#closing = this.#drain.wait(drainMs).then(() => this.#connections.closeAll());
      this.#waiters.rejectAll(closing());
      this.#connections.stop();
      this.#drain.check();
    }
    return this.#closing;
  }

  #tellLoss(): void {
    if (!this.#isSessionLost) return;
    this.#isSessionLost = false;
    throw sessionLost();
  }

  /** The call that was refused on a lost connection has told its caller. */
  #knownLost(pooled: PooledConnection<R>): void {
    pooled.isKnownLost = true;
    this.#life = randomUUID();
    if (pooled.state === 'gone') this.#isSessionLost = false;
  }

  /** Those who wait meant the session that was lost: they must not find an empty one. */
  #left(pooled: PooledConnection<R>, reason: CloseReason): void {
    this.#life = randomUUID();
    const isLoss = this.#stateful && (reason === 'died' || reason === 'unresponsive');
    if (!isLoss || pooled.isKnownLost) return;
    this.#isSessionLost = this.#waiters.size === 0;
    this.#waiters.rejectAll(sessionLost());
  }

  #take(): PooledLease<R> | undefined {
    const pooled = this.#closing ? undefined : this.#connections.leastBusy();
    return pooled && this.#lease(pooled);
  }

  #lease(pooled: PooledConnection<R>): PooledLease<R> {
    const lease = new PooledLease(pooled, this.#connections.watch(), this.#release);
    pooled.leases.append(lease);
    this.#inFlight++;
    return lease;
  }

  /** Where there has never been a connection, the backoff alone says when there may be one. */
  async #wait(signal?: Cancellation): Promise<PooledLease<R>> {
    if (this.#closing) throw closing();
    const wait = (): Promise<PooledLease<R>> => this.#queue(signal);
    return this.#breaker && this.#journal.counts.opened > 0 ? this.#breaker.run(wait, signal) : wait();
  }

  #queue(signal: Cancellation | undefined): Promise<PooledLease<R>> {
    const turn = this.#waiters.wait(signal);
    this.#connections.refill();
    return turn;
  }

  readonly #release = (lease: PooledLease<R>): void => {
    if (lease.isLate) this.#connections.doubt(lease.pooled);
    else if (!lease.hasFailed || !lease.pooled.proven) this.#connections.answered(lease.pooled);
    this.#giveBack(lease);
  };

  #giveBack(lease: PooledLease<R>): void {
    const { pooled } = lease;
    pooled.leases.remove(lease);
    this.#inFlight--;
    if (pooled.leases.size === 0) {
      pooled.idleSince = performance.now();
      if (pooled.state === 'retiring') this.#connections.retire(pooled);
    }
    if (pooled.connection.closed) this.#connections.replace(pooled);
    if (this.#closing) this.#drain.check();
    else this.#serve();
  }

  #serve(): void {
    while (this.#waiters.size > 0) {
      const lease = this.#take();
      if (!lease) return;
      this.#waiters.serve(lease);
    }
  }

  /** A server that limits the rate of calls is there. */
  #down(): McpoError {
    const { lastError } = this;
    if (isMcpoError(lastError) && lastError.code === 'MCPO_UPSTREAM_RATE_LIMITED') return lastError;
    const retryAfterMs = this.#connections.retryAfterMs;
    return new McpoError('MCPO_SERVER_DOWN', 'no connection could be opened', { cause: lastError, retryAfterMs });
  }
}
