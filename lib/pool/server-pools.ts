import { McpoError } from '../errors';
import type { PoolStats } from './events';
import { checkedInteger, poolConfig, type PoolOptions } from './options';
import { ConnectionPool } from './pool';
import type { PoolResource } from './resource';

/** When a caller for whom there was no pool may try again, in milliseconds. */
const RETRY_AFTER_MS = 1_000;

/** What tells one caller's connections from another's. */
export interface Credentials {
  /** Equal exactly when the credentials are, and says nothing about them. */
  readonly id: string;
}

/** Opens a connection for one set of credentials, or for nobody in particular. */
export type OpenFor<R extends PoolResource, C extends Credentials> = (
  signal: AbortSignal,
  credentials: C | undefined,
) => Promise<R>;

/** How the pools of one server behave: each as the pool options say, those of credentials without a minimum. */
export interface ServerPoolOptions extends PoolOptions {
  /** Pools of credentials at a time. @defaultValue 100 */
  readonly maxPools?: number | undefined;
}

/** All pools of one server at one moment: the sums of their {@link PoolStats}. */
export interface ServerPoolStats extends PoolStats {
  /** Pools of credentials. */
  readonly pools: number;
}

/** The pools of one server: its own, and one for each set of credentials that was used of late. */
export class ServerPools<R extends PoolResource, C extends Credentials> {
  readonly #open: OpenFor<R, C>;
  readonly #options: ServerPoolOptions;
  readonly #maxPools: number;
  readonly #sweepMs: number;
  readonly #own: ConnectionPool<R>;
  /** By the id of the credentials, the least recently used first. */
  readonly #pools = new Map<string, ConnectionPool<R>>();
  readonly #usedSinceSweep = new Set<string>();
  readonly #leaving = new Map<ConnectionPool<R>, Promise<void>>();
  #past = { opened: 0, closed: 0, errors: 0 };
  #sweeps: NodeJS.Timeout | undefined;

  /** @throws ConfigError for an option that cannot work */
  constructor(open: OpenFor<R, C>, options: ServerPoolOptions) {
    this.#open = open;
    this.#options = options;
    this.#maxPools = checkedInteger('pool.maxPools', options.maxPools ?? 100, 1);
    this.#sweepMs = poolConfig(options).maxIdleMs;
    this.#own = new ConnectionPool((signal) => open(signal, undefined), options);
  }

  /** See {@link ServerPoolStats}. */
  get stats(): ServerPoolStats {
    const sum = { connections: 0, idle: 0, busy: 0, opening: 0, inFlight: 0, waiting: 0, ...this.#past };
    for (const pool of [this.#own, ...this.#pools.values(), ...this.#leaving.keys()]) {
      const { stats } = pool;
      for (const name of Object.keys(sum) as (keyof PoolStats)[]) sum[name] += stats[name];
    }
    return { pools: this.#pools.size, ...sum };
  }

  /**
   * The pool for these credentials and no others, or the server's own without any.
   *
   * @throws McpoError `MCPO_POOL_EXHAUSTED` when there are too many pools and all are in use
   */
  get(credentials?: C): ConnectionPool<R> {
    if (!credentials) return this.#own;
    const { id } = credentials;
    const pool = this.#pools.get(id) ?? this.#create(credentials);
    this.#pools.delete(id);
    this.#pools.set(id, pool);
    this.#usedSinceSweep.add(id);
    return pool;
  }

  /** Closes all of them, as {@link ConnectionPool.close}. */
  async close(drainMs?: number): Promise<void> {
    for (const id of [...this.#pools.keys()]) this.#remove(id, drainMs);
    await Promise.all([this.#own.close(drainMs), ...this.#leaving.values()]);
  }

  #create(credentials: C): ConnectionPool<R> {
    if (this.#pools.size >= this.#maxPools) this.#evict();
    this.#sweeps ??= setInterval(() => this.#sweep(), this.#sweepMs).unref();
    const options = { ...this.#options, minConnections: 0 };
    return new ConnectionPool((signal) => this.#open(signal, credentials), options);
  }

  #evict(): void {
    for (const [id, pool] of this.#pools) {
      if (!isIdle(pool)) continue;
      this.#remove(id);
      return;
    }
    const detail = `${this.#maxPools} callers with credentials of their own are being served`;
    throw new McpoError('MCPO_POOL_EXHAUSTED', detail, { retryAfterMs: RETRY_AFTER_MS });
  }

  /** A pool that is idle and was not asked for between two sweeps goes: after `maxIdleMs` to twice that. */
  #sweep(): void {
    for (const [id, pool] of this.#pools) if (!this.#usedSinceSweep.has(id) && isIdle(pool)) this.#remove(id);
    this.#usedSinceSweep.clear();
  }

  #remove(id: string, drainMs?: number): void {
    const pool = this.#pools.get(id);
    if (!pool) return;
    this.#pools.delete(id);
    if (this.#pools.size === 0) {
      clearInterval(this.#sweeps);
      this.#sweeps = undefined;
    }
    const left = pool.close(drainMs).then(() => {
      const { opened, closed, errors } = pool.stats;
      const past = this.#past;
      this.#past = { opened: past.opened + opened, closed: past.closed + closed, errors: past.errors + errors };
      this.#leaving.delete(pool);
    });
    this.#leaving.set(pool, left);
  }
}

function isIdle({ stats }: { readonly stats: PoolStats }): boolean {
  return stats.inFlight === 0 && stats.waiting === 0;
}
