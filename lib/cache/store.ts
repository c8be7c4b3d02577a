import type { MaybePromise } from '../util/maybe-promise';

/** A stored result. */
export interface CacheEntry {
  /** The response body. Nobody may write to it. */
  readonly body: Buffer;
  /** When it was made, in milliseconds since the epoch. */
  readonly storedAt: number;
  /** Lifetime from then on, in milliseconds; `undefined`: it never expires. */
  readonly ttlMs: number | undefined;
}

/** Which entry a full store evicts: the least recently used (`lru`, `lru_ttl`) or the next to expire (`ttl`). */
export type Strategy = 'lru' | 'ttl' | 'lru_ttl';

/** The limits of a store. */
export interface StoreBounds {
  /** Maximum number of entries. */
  readonly maxSize: number;
  /** Maximum number of bytes of all entries, including keys and overhead. */
  readonly maxBytes: number;
  /** Maximum number of bytes of one body. */
  readonly maxEntryBytes: number;
}

/**
 * Why an entry was removed: too many entries (`size`) or bytes (`bytes`), its lifetime was over (`expired`), by its key
 * or with all others (`deleted`), with its group (`invalidated`).
 */
export type EvictReason = 'size' | 'bytes' | 'expired' | 'deleted' | 'invalidated';

/** The removal of an entry, other than its replacement. */
export interface Eviction {
  /** Its key. */
  readonly key: string;
  /** Its group: the name of the MCP server. */
  readonly group: string;
  /** Why it was removed. */
  readonly reason: EvictReason;
}

/** The arguments of a {@link StoreFactory}. */
export interface StoreInit extends StoreBounds {
  /** The name of the cache; keeps entries apart in a shared database. */
  readonly name: string;
  /** Which entry a full store evicts. */
  readonly strategy: Strategy;
  /** To be called after each eviction, by a store that knows of it. Never throws. */
  readonly onEvict: (eviction: Eviction) => void;
}

/**
 * The version of a group. It changes whenever the group is dropped or the store is cleared, and no value is used twice.
 * Only equality counts.
 */
export type Generation = number | string;

/** The result of a look-up. */
export interface Found {
  /** The entry as it was set; `undefined` if there is none or it has expired. */
  readonly entry: CacheEntry | undefined;
  /** See {@link CacheStore.generation}. */
  readonly generation: Generation | undefined;
}

/** The state of the database of a store. */
export interface StoreHealth {
  /** Whether it is in use. */
  readonly isUp: boolean;
  /** How often it has failed. */
  readonly errors: number;
}

/** Creates the store of a cache. */
export type StoreFactory = (init: StoreInit) => CacheStore;

/**
 * The storage of a cache: memory, or a database that several processes share.
 *
 * Methods return a value or a promise, which rejects when the store has failed. A store may lose any entry at any time. It
 * must never return an entry that has expired, was deleted, was dropped with its group, or belongs to another key. A key is
 * in one group at a time. A database may have limits of its own in place of `maxSize` and `maxBytes`. `storeContract`
 * tests the rest.
 */
export interface CacheStore {
  /** The number of entries; absent if it is not known synchronously. */
  readonly size?: number | undefined;
  /** The number of bytes, including keys and overhead; absent if it is not known synchronously. */
  readonly bytes?: number | undefined;
  /** The state of its database; absent without one. */
  readonly health?: StoreHealth | undefined;

  /** Looks up an entry, together with the generation of its group at that moment or earlier. */
  find(key: string, group: string): MaybePromise<Found>;

  /**
   * Stores an entry in place of any other under `key`. Returns `false` if it is too large, has expired, the store is
   * closed, or `generation` is given and out of date. An entry that is too large still removes the one under its key.
   */
  set(key: string, entry: CacheEntry, group: string, generation?: Generation): MaybePromise<boolean>;

  /** Removes one entry. Returns whether there was one. */
  delete(key: string, group: string): MaybePromise<boolean>;

  /** The generation of a group; `undefined` if nothing that is read now may be stored. */
  generation(group: string): MaybePromise<Generation | undefined>;

  /**
   * Drops all entries of a group and starts its next generation.
   *
   * @param unsettledMs - for how long the group has no generation afterwards; an earlier drop with a later end prevails.
   * @defaultValue 0
   * @param write - the write that may still take effect. A later drop by the same write replaces the end of this one, and no
   * other's. A store may ignore it.
   */
  dropGroup(group: string, unsettledMs?: number, write?: string): MaybePromise<void>;

  /** Drops all entries and starts the next generation of every group. */
  clear(): MaybePromise<void>;

  /** Releases memory, timers and connections. Afterwards nothing is found or stored. Idempotent. */
  close(): MaybePromise<void>;
}
