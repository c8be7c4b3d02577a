import type { CacheManager } from '../cache/cache-manager';
import { isPromise, type MaybePromise } from '../util/maybe-promise';
import type { Generation } from '../cache/store';
import type { Logger } from '../util/logger';
import type { FleetFlights } from '../share/fleet';

/**
 * After a write of which nobody knows when, or whether, it takes effect, what is read of its server is neither kept
 * nor shared for so long.
 */
const UNSETTLED_MS = 30_000;
/** How long a store that could not drop what is out of date is left alone. */
const DROP_AGAIN_MS = 1_000;

interface Writes {
  count: number;
  unsettledUntil: number;
  /** When what is out of date is to be dropped again, because the store failed to; until then nothing stored is used. */
  dropAt: number | undefined;
}

/** Reads that were given equal ones may share an answer. */
export interface Epoch {
  /** Counts the writes of this process, also those that a store could not be told of. */
  readonly count: number;
  /** Changes with every write that a store was told of, by whichever process. */
  readonly generation: Generation;
}

/** Keeps reads from being answered with what was true before a write. */
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
   * Which writes to a server have ended before now; `undefined` where nobody can say. Those of other processes are known
   * to what the flights share, else to the store.
   *
   * @param cache - the name of the cache in whose store all writes are noted
   */
  epoch(server: string, cache: string): MaybePromise<Epoch | undefined> {
    const count = this.#servers.get(server)?.count ?? 0;
    const generation = (this.#fleet ?? this.#cache.getCache(cache))?.generation(server);
    const both = (known: Generation | undefined): Epoch | undefined =>
      known === undefined ? undefined : { count, generation: known };
    return isPromise(generation) ? generation.then(both, () => undefined) : both(generation);
  }

  /** Whether no write may still be taking effect unseen. */
  isSettled(server: string): boolean {
    const writes = this.#servers.get(server);
    return !writes || performance.now() >= writes.unsettledUntil;
  }

  /** Whether what is stored of a server may be used: not as long as the store fails to drop what is out of date. */
  isCurrent(server: string): boolean {
    const writes = this.#servers.get(server);
    if (writes?.dropAt === undefined) return true;
    if (performance.now() >= writes.dropAt) void this.#drop(server, writes);
    return false;
  }

  /**
   * A write has ended: what was read of the server before is out of date. Never rejects.
   *
   * @param outcome - `unknown` when it may still take effect
   */
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
      // First: who then finds the store's new generation joins no call from before the write, and keeps no answer of one.
      if (this.#fleet) await this.#fleet.dropGroup(server, unsettledMs);
      await this.#cache.invalidate(server, unsettledMs);
      if (writes.count === count) writes.dropAt = undefined;
    } catch (error) {
      writes.dropAt = performance.now() + DROP_AGAIN_MS;
      this.#logger.error({ err: error, server }, 'mcpo: cached reads could not be dropped after a write');
    }
  }
}
