import { McpoError } from '../errors';
import type { PooledConnection } from './pooled-connection';
import type { PoolConfig } from './options';
import type { PoolResource } from './resource';
import { withTimeout } from '../util/timeout';

/** The pool, as its maintenance sees it. */
export interface MaintenanceHost<R extends PoolResource> {
  readonly connections: readonly PooledConnection<R>[];
  /** Whether a connection has given no answer for at least `ms` milliseconds in which there were calls. */
  isSilent(pooled: PooledConnection<R>, ms: number): boolean;
  answered(pooled: PooledConnection<R>): void;
  /** A connection did not answer a ping. */
  unresponsive(pooled: PooledConnection<R>, error: unknown): void;
  /** Whether the pool would open another at once if it closed this connection. */
  isNeeded(pooled: PooledConnection<R>): boolean;
  /** A connection is idle beyond the minimum. */
  surplus(pooled: PooledConnection<R>): void;
  /** Connections may be missing. */
  refill(): void;
}

/** Pings idle and silent connections at an interval, and closes connections that were idle beyond the minimum. */
export class Maintenance<R extends PoolResource> {
  readonly #config: PoolConfig;
  readonly #pool: MaintenanceHost<R>;
  readonly #stopped = new AbortController();
  #checks: NodeJS.Timeout | undefined;
  #checkedAt: Date | undefined;
  #trim: NodeJS.Timeout | undefined;

  constructor(config: PoolConfig, pool: MaintenanceHost<R>) {
    this.#config = config;
    this.#pool = pool;
  }

  get checkedAt(): Date | undefined {
    return this.#checkedAt;
  }

  added(): void {
    this.#checks ??= setInterval(() => this.#check(), this.#config.healthCheckIntervalMs).unref();
    if (this.#pool.connections.length > this.#config.minConnections) this.#trimIn(this.#config.maxIdleMs);
  }

  stop(): void {
    clearInterval(this.#checks);
    clearTimeout(this.#trim);
    this.#stopped.abort();
  }

  #check(): void {
    const { connections } = this.#pool;
    this.#checkedAt = new Date();
    for (const pooled of connections) if (this.#isDoubtful(pooled)) void this.#ping(pooled);
    this.#pool.refill();
  }

  /**
   * An answer to a call is as good as one to a ping, so a busy connection is asked only when none has come for long. How old
   * its calls are says nothing: they may have been given up, one after the other.
   */
  #isDoubtful(pooled: PooledConnection<R>): boolean {
    if (pooled.state !== 'open' || pooled.pinged) return false;
    return pooled.leases.size === 0 || this.#pool.isSilent(pooled, this.#config.healthCheckIntervalMs);
  }

  async #ping(pooled: PooledConnection<R>): Promise<void> {
    const { pingTimeoutMs } = this.#config;
    const late = (): McpoError => new McpoError('MCPO_TIMEOUT', `no answer to a ping in ${pingTimeoutMs} ms`);
    pooled.pinged = true;
    try {
      const ping = (async () => pooled.connection.ping(pingTimeoutMs))();
      await withTimeout(ping, pingTimeoutMs, late, this.#stopped.signal);
      this.#pool.answered(pooled);
    } catch (error) {
      this.#pool.unresponsive(pooled, error);
    } finally {
      pooled.pinged = false;
    }
  }

  #trimIn(ms: number): void {
    this.#trim ??= setTimeout(() => this.#trimNow(), Math.ceil(ms)).unref();
  }

  /** The minimum that stays is the oldest; the next round is when the next connection can have been idle for too long. */
  #trimNow(): void {
    this.#trim = undefined;
    const { maxIdleMs, minConnections } = this.#config;
    const now = performance.now();
    const open = this.#pool.connections.filter((pooled) => pooled.state === 'open');
    let surplus = open.length - minConnections;
    let next = maxIdleMs;
    for (const pooled of open.reverse()) {
      if (surplus <= 0) return;
      if (pooled.leases.size > 0) continue;
      const left = pooled.idleSince + maxIdleMs - now;
      if (left > 0) {
        next = Math.min(next, left);
      } else if (!this.#pool.isNeeded(pooled)) {
        surplus--;
        this.#pool.surplus(pooled);
      }
    }
    if (surplus > 0) this.#trimIn(next);
  }
}
