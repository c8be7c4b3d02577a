import { randomUUID } from 'node:crypto';
import type { CacheManager } from '../cache/cache-manager';
import { isPromise, type MaybePromise } from '../util/maybe-promise';
import type { Generation } from '../cache/store';
import type { Logger } from '../util/logger';
import type { FleetFlights } from '../share/fleet';
import { type Relative, addRelative, relativesOf, removeRelative } from './relatives';

/**
 * After a write with an unknown outcome: for how long at most reads of its group are neither stored nor shared, as the write
 * may still take effect.
 */
const UNSETTLED_MS = 30_000;
/** When to try again after a store failed to drop outdated entries. */
const DROP_AGAIN_MS = 1_000;

interface Writes extends Relative {
  count: number;
  /** When to drop outdated entries again after the store failed to. Until they are dropped, no stored entry is used. */
  dropAt: number | undefined;
}

/** The state of a group of servers after its last write. Only reads in the same epoch may share an answer. */
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
  readonly #addresses: ReadonlyMap<string, ReadonlySet<string>>;
  readonly #groups = new Map<string, Writes>();

  /** @param addresses - where the servers of the groups are, of those that are somewhere */
  constructor(
    cache: CacheManager,
    logger: Pick<Logger, 'error'>,
    fleet?: FleetFlights,
    addresses: ReadonlyMap<string, ReadonlySet<string>> = new Map(),
  ) {
    this.#cache = cache;
    this.#logger = logger;
    this.#fleet = fleet;
    this.#addresses = addresses;
  }

  /** From now on, writes through servers at the same address count here, under whatever name and in whatever router. */
  open(): void {
    for (const group of this.#addresses.keys()) addRelative(this.#writesOf(group));
  }

  /** The end of that. */
  close(): void {
    for (const writes of this.#groups.values()) removeRelative(writes);
  }

  /**
   * The current epoch of a group; `undefined` if it is unknown. Writes of other processes are known to the fleet's flights,
   * else to the store.
   *
   * @param cache - the name of the cache whose store is asked
   */
  epoch(group: string, cache: string): MaybePromise<Epoch | undefined> {
    const count = this.#groups.get(group)?.count ?? 0;
    const generation = (this.#fleet ?? this.#cache.getCache(cache))?.generation(group);
    const both = (known: Generation | undefined): Epoch | undefined =>
      known === undefined ? undefined : { count, generation: known };
    return isPromise(generation) ? generation.then(both, () => undefined) : both(generation);
  }

  /** Whether no write with an unknown outcome may still take effect. */
  isSettled(group: string): boolean {
    const unsettled = this.#groups.get(group)?.unsettled;
    if (!unsettled || unsettled.size === 0) return true;
    const now = performance.now();
    return ![...unsettled.values()].some((until) => until > now);
  }

  /** Whether stored entries of a group may be used: not while the store fails to drop outdated ones. */
  isCurrent(group: string): boolean {
    const writes = this.#groups.get(group);
    if (writes?.dropAt === undefined) return true;
    if (performance.now() >= writes.dropAt) void this.#drop(group, writes);
    return false;
  }

  /** The beginning of a write. */
  write(group: string): Write {
    return new Write(this.#writesOf(group));
  }

  #writesOf(group: string): Writes {
    const known = this.#groups.get(group);
    if (known) return known;
    const writes: Writes = {
      count: 0,
      unsettled: new Map(),
      dropAt: undefined,
      addresses: this.#addresses.get(group) ?? new Set(),
      drop: () => {
        writes.count += 1;
        return this.#drop(group, writes);
      },
    };
    this.#groups.set(group, writes);
    return writes;
  }

  async #drop(group: string, writes: Writes): Promise<void> {
    const { count, unsettled } = writes;
    writes.dropAt = Infinity;
    try {
      if (unsettled.size === 0) await this.#dropOnce(group, 0);
      for (const [write, until] of [...unsettled]) {
        await this.#dropOnce(group, Math.max(0, until - performance.now()), write);
        if (until <= performance.now() && unsettled.get(write) === until) unsettled.delete(write);
      }
      if (writes.count === count) writes.dropAt = undefined;
    } catch (error) {
      writes.dropAt = performance.now() + DROP_AGAIN_MS;
      this.#logger.error({ err: error, server: group }, 'mcpo: cached reads could not be dropped after a write');
    }
  }

  /** Flights first: a call that sees the store's new generation must not join one from before the write. */
  async #dropOnce(group: string, unsettledMs: number, write?: string): Promise<void> {
    if (this.#fleet) await this.#fleet.dropGroup(group, unsettledMs, write);
    await this.#cache.invalidate(group, unsettledMs, write);
  }
}

/** One write of a group, which counts as one of its relatives too. No method rejects. */
export class Write {
  readonly #group: Relative;
  #name: string | undefined;

  constructor(group: Relative) {
    this.#group = group;
  }

  /** To be called when its outcome is known. */
  ended(): Promise<void> {
    return this.#drop();
  }

  /** To be called when its outcome is unknown: it may still take effect. */
  lost(): Promise<void> {
    this.#name ??= randomUUID();
    this.#settle(this.#name, performance.now() + UNSETTLED_MS);
    return this.#drop();
  }

  /** To be called when it has ended after it was {@link lost}, however late. */
  readonly endedLate = (): void => {
    if (this.#name !== undefined) this.#settle(this.#name, 0);
    void this.#drop();
  };

  #settle(name: string, until: number): void {
    for (const { unsettled } of relativesOf(this.#group)) unsettled.set(name, until);
  }

  async #drop(): Promise<void> {
    await Promise.all(Array.from(relativesOf(this.#group), ({ drop }) => drop()));
  }
}
