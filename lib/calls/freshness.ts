import { randomUUID } from 'node:crypto';
import type { CacheManager } from '../cache/cache-manager';
import { isPromise, type MaybePromise } from '../util/maybe-promise';
import type { Generation } from '../cache/store';
import type { Logger } from '../util/logger';
import type { FleetFlights } from '../share/fleet';

/**
 * After a write with an unknown outcome: for how long at most reads of its server are neither stored nor shared, as the write
 * may still take effect.
 */
const UNSETTLED_MS = 30_000;
/** When to try again after a store failed to drop outdated entries. */
const DROP_AGAIN_MS = 1_000;

interface Writes {
  count: number;
  /** The writes with an unknown outcome, by a random name: until when they may take effect, on the clock of `performance.now()`. */
  readonly unsettled: Map<string, number>;
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
    const unsettled = this.#servers.get(server)?.unsettled;
    if (!unsettled || unsettled.size === 0) return true;
    const now = performance.now();
    return ![...unsettled.values()].some((until) => until > now);
  }

  /** Whether stored entries of a server may be used: not while the store fails to drop outdated ones. */
  isCurrent(server: string): boolean {
    const writes = this.#servers.get(server);
    if (writes?.dropAt === undefined) return true;
    if (performance.now() >= writes.dropAt) void this.#drop(server, writes);
    return false;
  }

  /** The beginning of a write. */
  write(server: string): Write {
    const writes = this.#servers.get(server) ?? { count: 0, unsettled: new Map<string, number>(), dropAt: undefined };
    this.#servers.set(server, writes);
    const drop = (): Promise<void> => {
      writes.count += 1;
      return this.#drop(server, writes);
    };
    return new Write(writes.unsettled, drop);
  }

  async #drop(server: string, writes: Writes): Promise<void> {
    const { count, unsettled } = writes;
    writes.dropAt = Infinity;
    try {
      if (unsettled.size === 0) await this.#dropOnce(server, 0);
      for (const [write, until] of [...unsettled]) {
        await this.#dropOnce(server, Math.max(0, until - performance.now()), write);
        if (until <= performance.now() && unsettled.get(write) === until) unsettled.delete(write);
      }
      if (writes.count === count) writes.dropAt = undefined;
    } catch (error) {
      writes.dropAt = performance.now() + DROP_AGAIN_MS;
      this.#logger.error({ err: error, server }, 'mcpo: cached reads could not be dropped after a write');
    }
  }

  /** Flights first: a call that sees the store's new generation must not join one from before the write. */
  async #dropOnce(server: string, unsettledMs: number, write?: string): Promise<void> {
    if (this.#fleet) await this.#fleet.dropGroup(server, unsettledMs, write);
    await this.#cache.invalidate(server, unsettledMs, write);
  }
}

/** One write of a server. No method rejects. */
export class Write {
  readonly #unsettled: Map<string, number>;
  readonly #drop: () => Promise<void>;
  #name: string | undefined;

  constructor(unsettled: Map<string, number>, drop: () => Promise<void>) {
    this.#unsettled = unsettled;
    this.#drop = drop;
  }

  /** To be called when its outcome is known. */
  ended(): Promise<void> {
    return this.#drop();
  }

  /** To be called when its outcome is unknown: it may still take effect. */
  lost(): Promise<void> {
    this.#name ??= randomUUID();
    this.#unsettled.set(this.#name, performance.now() + UNSETTLED_MS);
    return this.#drop();
  }

  /** To be called when it has ended after it was {@link lost}, however late. */
  readonly endedLate = (): void => {
    if (this.#name !== undefined) this.#unsettled.set(this.#name, 0);
    void this.#drop();
  };
}
