import type { PoolStats } from './events';
import { checkedInteger, poolConfig, type PoolOptions } from './options';
import { ConnectionPool } from './pool';
import { exhausted } from './refusals';
import type { PoolResource } from './resource';

/** What tells one caller's connections from another's. */
export interface Credentials {
  /** Equal exactly when the credentials are, and says nothing about them. */
  readonly id: string;
  /** Who they belong to, who may only have so many at a time. @defaultValue nobody else's */
  readonly owner?: string | undefined;
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
  /** Pools of credentials of one owner at a time. @defaultValue `maxPools` */
  readonly maxPoolsPerOwner?: number | undefined;
  /**
   * Whether connections of credentials hold what must not be lost: an idle pool is not closed to make room for another, and
   * a loss is told as {@link PoolOptions.stateful} says. @defaultValue false
   */
  readonly stateful?: boolean | undefined;
}

/** All pools of one server at one moment: the sums of their {@link PoolStats}. */
export interface ServerPoolStats extends PoolStats {
  /** Pools of credentials. */
  readonly pools: number;
}

interface OwnedPool<R extends PoolResource> {
  readonly pool: ConnectionPool<R>;
  readonly owner: string | undefined;
}

/** The pools of one server: its own, and one for each set of credentials that was used of late. */
export class ServerPools<R extends PoolResource, C extends Credentials> {
  readonly #open: OpenFor<R, C>;
  readonly #options: ServerPoolOptions;
  readonly #maxPools: number;
  readonly #maxPoolsPerOwner: number;
  readonly #sweepMs: number;
  readonly #own: ConnectionPool<R>;
  /** By the id of the credentials, the least recently used first. */
  readonly #pools = new Map<string, OwnedPool<R>>();
  readonly #usedSinceSweep = new Set<string>();
  readonly #leaving = new Map<ConnectionPool<R>, Promise<void>>();
  #past = { opened: 0, closed: 0, errors: 0 };
  #sweeps: NodeJS.Timeout | undefined;

  /** @throws ConfigError for an option that cannot work */
  constructor(open: OpenFor<R, C>, options: ServerPoolOptions) {
    this.#open = open;
    this.#options = options;
    this.#maxPools = checkedInteger('pool.maxPools', options.maxPools ?? 100, 1);
    this.#maxPoolsPerOwner = checkedInteger('pool.maxPoolsPerOwner', options.maxPoolsPerOwner ?? this.#maxPools, 1);
    this.#sweepMs = poolConfig(options).maxIdleMs;
    this.#own = new ConnectionPool((signal) => open(signal, undefined), { ...options, stateful: false });
  }

  get stats(): ServerPoolStats {
    const sum = { connections: 0, idle: 0, busy: 0, opening: 0, inFlight: 0, waiting: 0, ...this.#past };
    const callers = [...this.#pools.values()].map(({ pool }) => pool);
    for (const { stats } of [this.#own, ...callers, ...this.#leaving.keys()]) {
      for (const name of Object.keys(sum) as (keyof PoolStats)[]) sum[name] += stats[name];
    }
    return { pools: this.#pools.size, ...sum };
  }

  /** The pool for these credentials, else the server's own. @throws McpoError `MCPO_POOL_EXHAUSTED` */
  get(credentials?: C): ConnectionPool<R> {
    return credentials ? this.#ownedBy(credentials).pool : this.#own;
  }

  /**
   * A name for what the connections of these credentials remember: another one when one of them has ended.
   *
   * @throws McpoError `MCPO_POOL_EXHAUSTED`
   */
  lifeOf(credentials: C): string {
    return this.#ownedBy(credentials).pool.life;
  }

  async remove({ id }: C, drainMs?: number): Promise<boolean> {
    const owned = this.#pools.get(id);
    if (!owned) return false;
    await this.#remove(id, owned.pool, drainMs);
    return true;
  }

  async close(drainMs?: number): Promise<void> {
    for (const [id, { pool }] of this.#pools) void this.#remove(id, pool, drainMs);
    await Promise.all([this.#own.close(drainMs), ...this.#leaving.values()]);
  }

  #ownedBy(credentials: C): OwnedPool<R> {
    const { id } = credentials;
    const owned = this.#pools.get(id) ?? this.#create(credentials);
    this.#pools.delete(id);
    this.#pools.set(id, owned);
    this.#usedSinceSweep.add(id);
    return owned;
  }

  #create(credentials: C): OwnedPool<R> {
    const { owner } = credentials;
    if (owner !== undefined) this.#checkOwner(owner);
    if (this.#pools.size >= this.#maxPools) this.#evict();
    this.#sweeps ??= setInterval(() => this.#sweep(), this.#sweepMs).unref();
    const options = { ...this.#options, minConnections: 0, breaker: undefined };
    return { pool: new ConnectionPool((signal) => this.#open(signal, credentials), options), owner };
  }

  #checkOwner(owner: string): void {
    const count = [...this.#pools.values()].filter((owned) => owned.owner === owner).length;
    if (count >= this.#maxPoolsPerOwner) throw exhausted(`the caller has ${count} sessions already`);
  }

  #evict(): void {
    for (const [id, { pool }] of this.#options.stateful ? [] : this.#pools) {
      if (!isIdle(pool)) continue;
      void this.#remove(id, pool);
      return;
    }
    throw exhausted(`${this.#maxPools} callers with connections of their own are being served`);
  }

  /** A pool that is idle and was not asked for between two sweeps goes: after `maxIdleMs` to twice that. */
  #sweep(): void {
    for (const [id, { pool }] of this.#pools) {
      if (!this.#usedSinceSweep.has(id) && isIdle(pool)) void this.#remove(id, pool);
    }
    this.#usedSinceSweep.clear();
  }

  #remove(id: string, pool: ConnectionPool<R>, drainMs?: number): Promise<void> {
    this.#pools.delete(id);
    this.#usedSinceSweep.delete(id);
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
    return left;
  }
}

function isIdle({ stats }: { readonly stats: PoolStats }): boolean {
  return stats.inFlight === 0 && stats.waiting === 0;
}
