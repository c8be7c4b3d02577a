import { McpoError } from '../errors';
import type { CloseReason, Journal } from './events';
import { Growth } from './growth';
import { Maintenance } from './maintenance';
import { Opener } from './opener';
import type { PoolConfig } from './options';
import { PooledConnection } from './pooled-connection';
import type { Open, PoolResource } from './resource';
import type { TakeTurn } from './turns';

/** For how long calls must have been slow for want of connections before the pool says so. */
const SATURATED_MS = 10_000;

/** The calls of a pool, as its connections see them. */
export interface PoolCalls<R extends PoolResource> {
  inFlight(): number;
  waiting(): number;
  /** Whether a call waits. */
  isWanted(): boolean;
  connected(): void;
  /** A connection takes calls again. */
  room(): void;
  /** There is no connection, and none will come before the backoff is over. */
  unavailable(): void;
  /** Nothing is being opened any more. */
  settled(): void;
  /** A connection has left, before another one takes its place. */
  left(pooled: PooledConnection<R>, reason: CloseReason): void;
}

/** The connections of a pool: opens as many as it needs, replaces and closes them. */
export class Connections<R extends PoolResource> {
  readonly maintenance: Maintenance<R>;
  /** The oldest first. */
  readonly #all: PooledConnection<R>[] = [];
  readonly #config: PoolConfig;
  readonly #journal: Journal;
  readonly #calls: PoolCalls<R>;
  readonly #opener: Opener<R>;
  readonly #growth: Growth<R>;
  readonly #disposals = new Set<Promise<void>>();
  #stopped = false;

  constructor(open: Open<R>, config: PoolConfig, journal: Journal, calls: PoolCalls<R>, takeTurn?: TakeTurn) {
    this.#config = config;
    this.#journal = journal;
    this.#calls = calls;
    this.#growth = new Growth(this.#all, config.growAfterMs, (strainedMs) => this.#grow(strainedMs));
    this.#opener = new Opener(
      open,
      config.connectTimeoutMs,
      {
        opened: (connection) => this.#opened(connection),
        failed: (error) => this.#failed(error),
        ready: () => this.refill(),
        isWanted: () => calls.isWanted(),
      },
      takeTurn,
    );
    this.maintenance = new Maintenance(config, {
      connections: this.#all,
      answered: (pooled) => this.answered(pooled),
      unresponsive: (pooled, error) => this.#unresponsive(pooled, error),
      isNeeded: (pooled) => this.#growth.isStrained(this.#all.filter((other) => other !== pooled)),
      surplus: (pooled) => this.#dismiss(pooled, 'idle'),
      refill: () => this.refill(),
    });
  }

  get size(): number {
    return this.#all.length;
  }

  get busy(): number {
    return this.#all.filter((pooled) => pooled.leases.size > 0).length;
  }

  get opening(): number {
    return this.#opener.opening;
  }

  get retryAfterMs(): number {
    return this.#opener.retryAfterMs;
  }

  /**
   * Where the next call goes: to the fewest in flight, among equals to the oldest, to one that does not answer only where there
   * is no other; `undefined` when all are full.
   */
  leastBusy(): PooledConnection<R> | undefined {
    let best: PooledConnection<R> | undefined;
    let suspect: PooledConnection<R> | undefined;
    const max = this.#config.maxInFlightPerConnection;
    for (const pooled of this.#all) {
      const inFlight = pooled.leases.size;
      const { closed, full } = pooled.connection;
      if (inFlight >= max || pooled.state !== 'open' || closed || full) continue;
      if (pooled.isSuspect) {
        if (!suspect || inFlight < suspect.leases.size) suspect = pooled;
        continue;
      }
      if (inFlight === 0) return pooled;
      if (!best || inFlight < best.leases.size) best = pooled;
    }
    return best ?? suspect;
  }

  watch(): number {
    return this.#growth.watch();
  }

  /** A connection has answered, so it works. */
  answered(pooled: PooledConnection<R>): void {
    pooled.hasAnswered = true;
    pooled.isSuspect = false;
    if (pooled.proven || pooled.state === 'gone' || pooled.connection.closed) return;
    pooled.proven = true;
    this.#opener.proven();
  }

  /** A call on it has waited in vain. */
  doubt(pooled: PooledConnection<R>): void {
    this.maintenance.doubt(pooled);
  }

  /** Takes a connection out of use. It is closed at the end of its last call. */
  replace(pooled: PooledConnection<R>): void {
    if (pooled.state !== 'open') return;
    this.#opener.ended(pooled.proven);
    pooled.state = 'retiring';
    if (pooled.leases.size === 0) this.retire(pooled);
    else this.refill();
  }

  /** Closes a connection whose last call has ended. */
  retire(pooled: PooledConnection<R>): void {
    this.#dismiss(pooled, pooled.connection.closed ? 'died' : 'unresponsive');
    this.refill();
  }

  /** Opens missing connections: the minimum, or one if a call is waiting and there is none. */
  refill(): void {
    if (this.#stopped) return;
    const wanted = Math.max(this.#config.minConnections, this.#calls.waiting() > 0 ? 1 : 0);
    const { retryAfterMs } = this; // Before `mayOpen` looks at the clock: what is over by then needs no timer.
    while (this.#usable < wanted && this.#hasRoom && this.#opener.mayOpen(this.#open)) this.#opener.open();
    if (this.#usable < wanted && retryAfterMs > 0) this.#opener.retryIn(retryAfterMs);
    if (retryAfterMs > 0) this.#giveUp();
  }

  /** Opens no more connections, and aborts those being opened. */
  stop(): void {
    this.#stopped = true;
    this.maintenance.stop();
    this.#growth.stop();
    this.#opener.stop();
  }

  /** Closes all connections, including those still being opened. */
  async closeAll(): Promise<void> {
    for (const pooled of [...this.#all]) this.#dismiss(pooled, 'closing');
    await Promise.all([this.#opener.abandon(), ...this.#disposals]);
  }

  get #open(): number {
    return this.#all.filter((pooled) => pooled.state === 'open').length;
  }

  /** Connections that take calls, or soon will. */
  get #usable(): number {
    return this.#open + this.opening;
  }

  /** What is still being closed counts: the next process must not meet the last one's locks and ports. */
  get #hasRoom(): boolean {
    return this.size + this.opening + this.#disposals.size < this.#config.maxConnections;
  }

  /** A second one at a time must be worth it: there are more calls than connections, even with the one to come. */
  #grow(strainedMs: number): void {
    const calls = this.#calls.inFlight() + this.#calls.waiting();
    if (strainedMs >= SATURATED_MS && !this.#hasRoom && calls > this.size) this.#journal.saturated();
    const worthIt = this.opening === 0 || calls > this.size + this.opening;
    if (worthIt && this.#hasRoom && this.#opener.mayOpen(this.#open)) this.#opener.open();
  }

  #opened(connection: R): void {
    if (this.#stopped) {
      this.#dispose(connection);
      this.#calls.settled();
      return;
    }
    const pooled = new PooledConnection(connection);
    connection.onClose(() => this.#died(pooled));
    connection.onRoom?.(() => this.#calls.room());
    this.#all.push(pooled);
    this.maintenance.added();
    this.#journal.opened();
    this.#calls.connected();
    this.refill();
  }

  #failed(error: unknown): void {
    if (this.#stopped) {
      this.#calls.settled();
      return;
    }
    this.#journal.failed('connect', error);
    this.#giveUp();
    this.refill();
  }

  #died(pooled: PooledConnection<R>): void {
    if (!this.#remove(pooled)) return;
    this.#left(pooled, 'died');
    if (this.#stopped) return;
    this.#opener.ended(pooled.proven);
    this.#journal.failed('died', new McpoError('MCPO_CONNECTION_LOST', 'the connection ended by itself'));
    this.refill();
  }

  /** Its calls are left to their callers, who know how long they may take: a tool may block its process for minutes. */
  #unresponsive(pooled: PooledConnection<R>, error: unknown): void {
    if (this.#stopped || pooled.state !== 'open') return;
    this.#opener.ended(pooled.proven);
    this.#journal.failed('ping', error);
    if (pooled.leases.size > 0) pooled.state = 'retiring';
    else this.#dismiss(pooled, 'unresponsive');
    this.refill();
  }

  /** Rejects the waiting calls during a backoff, unless a connection worked a moment ago. */
  #giveUp(): void {
    if (this.#usable === 0 && !this.#opener.workedLately) this.#calls.unavailable();
  }

  #dismiss(pooled: PooledConnection<R>, reason: CloseReason): void {
    if (!this.#remove(pooled)) return;
    this.#left(pooled, reason);
    this.#dispose(pooled.connection);
  }

  #left(pooled: PooledConnection<R>, reason: CloseReason): void {
    this.#journal.closed(reason);
    this.#calls.left(pooled, reason);
  }

  /** Removes a connection; `false` if it was removed before. */
  #remove(pooled: PooledConnection<R>): boolean {
    const index = this.#all.indexOf(pooled);
    if (index < 0) return false;
    this.#all.splice(index, 1);
    pooled.state = 'gone';
    return true;
  }

  #dispose(connection: R): void {
    const disposal = (async () => connection.close())()
      .catch((error: unknown) => this.#journal.failed('close', error))
      .finally(() => {
        this.#disposals.delete(disposal);
        this.refill();
      });
    this.#disposals.add(disposal);
  }
}
