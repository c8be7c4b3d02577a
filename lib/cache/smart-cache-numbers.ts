import type { EvictReason, Eviction, StoreHealth } from './store';

/** A cache at one moment. */
export interface CacheStats {
  /** Look-ups that found a result. */
  readonly hits: number;
  /** Look-ups that found none. */
  readonly misses: number;
  /** Hits among all look-ups, in percent; 0 before the first. */
  readonly hitRate: number;
  /** Entries held; `undefined` if the store cannot tell. */
  readonly size: number | undefined;
  /** Bytes held, keys and overhead included; `undefined` if the store cannot tell. */
  readonly bytes: number | undefined;
  /** How the store's database does; `undefined` if it has none. */
  readonly health: StoreHealth | undefined;
  /** Entries that have left, by reason; those replaced are not counted. */
  readonly evictions: Readonly<Record<EvictReason, number>>;
}

/** The events of a {@link SmartCache} and what their listeners are given. */
export interface CacheEvents {
  /** A look-up found a result. */
  hit: [{ readonly key: string }];
  /** A look-up found none. */
  miss: [{ readonly key: string }];
  /** A result was stored. */
  set: [{ readonly key: string; readonly group: string; readonly ttlMs: number | undefined }];
  /** A result left. */
  evict: [Eviction];
}
