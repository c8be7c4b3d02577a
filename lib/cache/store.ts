import type { MaybePromise } from '../util/maybe-promise';

/** A finished result. */
export interface CacheEntry {
  /** The response body. Whoever holds it must not write to it. */
  readonly body: Buffer;
  /** When it was made, in milliseconds since the epoch. */
  readonly storedAt: number;
  /** How long it is good from then on, in milliseconds; `undefined` for ever. */
  readonly ttlMs: number | undefined;
}

/** Which entry goes when a store is full: the least recently used (`lru`, `lru_ttl`) or the nearest to expiry (`ttl`). */
export type Strategy = 'lru' | 'ttl' | 'lru_ttl';

/** How much a store may hold. */
export interface StoreBounds {
  /** Entries at most. */
  readonly maxSize: number;
  /** Bytes at most, all entries together, with their keys and overhead. */
  readonly maxBytes: number;
  /** Bytes of one body at most. */
  readonly maxEntryBytes: number;
}

/**
 * Why an entry left: there were too many entries (`size`) or bytes (`bytes`), its time was over (`expired`), it was
 * asked for by its key or with all others (`deleted`), or with its group (`invalidated`).
 */
export type EvictReason = 'size' | 'bytes' | 'expired' | 'deleted' | 'invalidated';

/** An entry that left its store other than by being replaced. */
export interface Eviction {
  /** Its key. */
  readonly key: string;
  /** Its group: the name of the MCP server. */
  readonly group: string;
  /** Why it left. */
  readonly reason: EvictReason;
}

/** What a store is made from. */
export interface StoreInit extends StoreBounds {
  /** The name of the cache: stores that share a database keep their entries apart by it. */
  readonly name: string;
  /** Which entry goes when it is full. */
  readonly strategy: Strategy;
  /** To be told of every entry that left, after it has, by a store that knows; it does not throw. */
  readonly onEvict: (eviction: Eviction) => void;
}

/**
 * A mark of what a store holds of a group, compared for being equal alone: it changes whenever the group is dropped or the
 * store is cleared, and never comes back.
 */
export type Generation = number | string;

/** What a look-up finds. */
export interface Found {
  /** The entry, with body, time and TTL as they were set; `undefined` if there is none or its time is over. */
  readonly entry: CacheEntry | undefined;
  /** See {@link CacheStore.generation}. */
  readonly generation: Generation | undefined;
}

/** How a database does that a store depends on. */
export interface StoreHealth {
  /** Whether it is used now. */
  readonly isUp: boolean;
  /** How often it has failed. */
  readonly errors: number;
}

/** Makes the store of a cache. */
export type StoreFactory = (init: StoreInit) => CacheStore;

/**
 * Where a cache keeps its entries: in memory, or in a database that several processes share.
 *
 * Methods answer at once or by a promise, which rejects when the store cannot do its work. A store may forget any entry
 * at any time; it must never return one that is over, deleted, dropped with its group, or another key's. A key belongs to
 * one group at a time, which is named so that a store can keep a group's entries together.
 * A database may bound itself in place of `maxSize` and `maxBytes`. `storeContract` tests the rest.
 */
export interface CacheStore {
  /** Entries held; left out by a store that cannot tell at once. */
  readonly size?: number | undefined;
  /** Bytes held, keys and overhead included; left out by a store that cannot tell at once. */
  readonly bytes?: number | undefined;
  /** How its database does; left out by a store that has none. */
  readonly health?: StoreHealth | undefined;

  /** Looks for an entry of a group, and tells the group's generation at the same moment or earlier. */
  find(key: string, group: string): MaybePromise<Found>;

  /**
   * Keeps an entry of a group in place of any other under `key`. `false` if it was not kept: too large, its time is over, the
   * store is closed, or `generation` is given and no longer that of the group. One that is too large takes the entry
   * that it would have replaced with it.
   */
  set(key: string, entry: CacheEntry, group: string, generation?: Generation): MaybePromise<boolean>;

  /** Drops one entry of a group. `true` if there was one. */
  delete(key: string, group: string): MaybePromise<boolean>;

  /** The generation of a group; `undefined` when nothing that is read from now on may be kept. */
  generation(group: string): MaybePromise<Generation | undefined>;

  /**
   * Drops all entries of a group at once and moves its generation on.
   *
   * @param unsettledMs - so long, or as long as an earlier drop has said, the group has no generation: what is read until
   * then may be out of date by its end. @defaultValue 0
   */
  dropGroup(group: string, unsettledMs?: number): MaybePromise<void>;

  /** Drops all entries and moves every group's generation on. */
  clear(): MaybePromise<void>;

  /** Gives up memory, timers and connections. From then on nothing is found or kept. May be called again. */
  close(): MaybePromise<void>;
}
