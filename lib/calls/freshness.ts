import type { CacheManager } from '../cache/cache-manager';
import { isPromise, type MaybePromise } from '../util/maybe-promise';
import type { Generation } from '../cache/store';
import type { Logger } from '../util/logger';
import type { FleetFlights } from '../share/fleet';

/**
 * After a write with an unknown outcome: for how long reads of its server are neither stored nor shared, as the write may
 * still take effect.
 */
const UNSETTLED_MS = 30_000;
/** When to try again after a store failed to drop outdated entries. */
const DROP_AGAIN_MS = 1_000;

interface Writes {
  count: number;
  unsettledUntil: number;
  /** When to drop outdated entries again after the store failed to. Until they are dropped, no stored entry is used. */
  dropAt: number | undefined;
}

/** The state of a server after its last write. Only reads in the same epoch may share an answer. */
export interface Epoch {
  /** The number of writes of this process, including those that no store knows of. */
  readonly count: number;
  /** Changes with every write of any process that the store knows of. */
  readonly generation: Generation;
}

/** Keeps answers from before a write out of reads after it. */
export class Freshness {
  readonly #cache: CacheManager;
  readonly #logger: Pick<Logger, 'error'>;
  readonly #fleet: FleetFlights | undefined;
  readonly #servers = new Map<string, Writes>();

  constructor(cache: CacheManager, logger: Pick<Logger, 'error'>, fleet?: FleetFlights) {
    this.#cache = cache;
    this.#logger = logger;
    this.#fleet = fleet;
  }

  /**
   * The current epoch of a server; `undefined` if it is unknown. Writes of other processes are known to the fleet's flights,
   * else to the store.
   *
   * @param cache - the name of the cache whose store is asked
   */
  epoch(server: string, cache: string): MaybePromise<Epoch | undefined> {
    const count = this.#servers.get(server)?.count ?? 0;
    const generation = (this.#fleet ?? this.#cache.getCache(cache))?.generation(server);
    const both = (known: Generation | undefined): Epoch | undefined =>
      known === undefined ? undefined : { count, generation: known };
    return isPromise(generation) ? generation.then(both, () => undefined) : both(generation);
  }

  /** Whether no write with an unknown outcome may still take effect. */
  isSettled(server: string): boolean {
    const writes = this.#servers.get(server);
    return !writes || performance.now() >= writes.unsettledUntil;
  }

  /** Whether stored entries of a server may be used: not while the store fails to drop outdated ones. */
  isCurrent(server: string): boolean {
    const writes = this.#servers.get(server);
    if (writes?.dropAt === undefined) return true;
    if (performance.now() >= writes.dropAt) void this.#drop(server, writes);
    return false;
  }

  /** To be called when a write has ended, `unknown` if it may still take effect. Never rejects. */
  written(server: string, outcome: 'known' | 'unknown'): Promise<void> {
    let writes = this.#servers.get(server);
    if (!writes) {
      writes = { count: 0, unsettledUntil: 0, dropAt: undefined };
      this.#servers.set(server, writes);
    }
    writes.count += 1;
    if (outcome === 'unknown') writes.unsettledUntil = performance.now() + UNSETTLED_MS;
    return this.#drop(server, writes);
  }

  async #drop(server: string, writes: Writes): Promise<void> {
    const { count } = writes;
    writes.dropAt = Infinity;
    try {
      const unsettledMs = Math.max(0, writes.unsettledUntil - performance.now());
      // Flights first: a call that sees the store's new generation must not join one from before the write.
      if (this.#fleet) await this.#fleet.dropGroup(server, unsettledMs);
      await this.#cache.invalidate(server, unsettledMs);
      if (writes.count === count) writes.dropAt = undefined;
    } catch (error) {
      writes.dropAt = performance.now() + DROP_AGAIN_MS;
      this.#logger.error({ err: error, server }, 'mcpo: cached reads could not be dropped after a write');
    }
  }
}
