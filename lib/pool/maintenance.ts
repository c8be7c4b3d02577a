import { McpoError } from '../errors';
import type { PooledConnection } from './pooled-connection';
import type { PoolConfig } from './options';
import type { PoolResource } from './resource';
import { withTimeout } from '../util/timeout';

/** The pool, as its maintenance sees it. */
export interface MaintenanceHost<R extends PoolResource> {
  readonly connections: readonly PooledConnection<R>[];
  answered(pooled: PooledConnection<R>): void;
  /** A connection was silent after a ping, or the ping failed. */
  unresponsive(pooled: PooledConnection<R>, error: unknown): void;
  /** Whether the pool would open another at once if it closed this connection. */
  isNeeded(pooled: PooledConnection<R>): boolean;
  /** A connection is idle beyond the minimum. */
  surplus(pooled: PooledConnection<R>): void;
  /** Connections may be missing. */
  refill(): void;
}

/** Pings connections that were silent for an interval, or have let a call wait in vain, and closes connections that were idle beyond the minimum. */
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
    for (const pooled of connections) if (this.#isSilent(pooled)) this.doubt(pooled);
    this.#pool.refill();
  }

  /** Whether nothing has been heard of it since the last check. What is heard of late calls is life too. */
  #isSilent(pooled: PooledConnection<R>): boolean {
    const { received } = pooled.connection;
    const isSilent = !pooled.hasAnswered && received === pooled.received;
    pooled.hasAnswered = false;
    pooled.received = received;
    return isSilent;
  }

  /** Pings a connection. Until it has answered, calls go to others first. */
  doubt(pooled: PooledConnection<R>): void {
    if (pooled.state === 'open' && !pooled.pinged && !this.#stopped.signal.aborted) void this.#ping(pooled);
  }

  async #ping(pooled: PooledConnection<R>): Promise<void> {
    const { pingTimeoutMs } = this.#config;
    const late = (): McpoError => new McpoError('MCPO_TIMEOUT', `silent for ${pingTimeoutMs} ms after a ping`);
    const { received } = pooled.connection;
    pooled.pinged = true;
    pooled.isSuspect = true;
    try {
      const ping = (async () => pooled.connection.ping(pingTimeoutMs))();
      await withTimeout(ping, pingTimeoutMs, late, this.#stopped.signal);
      this.#pool.answered(pooled);
      // It counts until the next check only: an idle connection is pinged at each.
      pooled.hasAnswered = false;
      pooled.received = pooled.connection.received;
    } catch (error) {
      if (hasSpoken(pooled, received)) this.#pool.answered(pooled);
      else this.#pool.unresponsive(pooled, error);
    } finally {
      pooled.pinged = false;
      pooled.isSuspect = false;
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

/** Whether a suspect has answered a call, or said anything at all: an error is a sign of life too. */
function hasSpoken<R extends PoolResource>(pooled: PooledConnection<R>, received: number | undefined): boolean {
  return !pooled.isSuspect || pooled.connection.received !== received;
}
