import { ConfigError } from '../errors';
import { checkFunction, checkInteger } from '../util/checks';
import type { StoreBounds, StoreFactory, Strategy } from './store';

/** Options of a cache. `undefined` means the default. */
export interface SmartCacheOptions {
  /**
   * What is evicted when the cache is full, and whether entries expire. `lru`: the least recently used; entries never
   * expire. `ttl`: the next to expire. `lru_ttl`: the least recently used, and entries expire.
   *
   * @defaultValue `'lru_ttl'`
   */
  readonly strategy?: Strategy | undefined;
  /** Maximum number of results. @defaultValue 1000 */
  readonly maxSize?: number | undefined;
  /** Maximum number of bytes, including keys and overhead. @defaultValue 67108864 (64 MiB) */
  readonly maxBytes?: number | undefined;
  /** Maximum size of one body, in bytes. @defaultValue 1048576 (1 MiB), but not more than `maxBytes` */
  readonly maxEntryBytes?: number | undefined;
  /** Lifetime of a result without one of its own, in milliseconds. @defaultValue 300000 */
  readonly defaultTtlMs?: number | undefined;
  /** Makes the store that holds the entries. @defaultValue a {@link MemoryStore} */
  readonly store?: StoreFactory | undefined;
}

/** Validated cache options with their defaults. */
export interface SmartCacheConfig extends StoreBounds {
  readonly strategy: Strategy;
  readonly defaultTtlMs: number;
}

const STRATEGIES: readonly unknown[] = ['lru', 'ttl', 'lru_ttl'] satisfies Strategy[];
const MIB = 2 ** 20;

/**
 * Validates cache options and adds the defaults.
 *
 * @param path - the path of the options in error messages
 * @throws ConfigError for an invalid value
 */
export function smartCacheConfig(options: SmartCacheOptions, path: string): SmartCacheConfig {
  const { strategy = 'lru_ttl', store } = options;
  const positive = (key: 'maxSize' | 'maxBytes' | 'maxEntryBytes' | 'defaultTtlMs', fallback: number): number =>
    checkInteger(`${path}.${key}`, options[key], 1, fallback, Number.MAX_SAFE_INTEGER);
  if (!STRATEGIES.includes(strategy)) {
    throw new ConfigError(`${path}.strategy`, "must be 'lru', 'ttl' or 'lru_ttl'", { value: strategy });
  }
  checkFunction(`${path}.store`, store);
  const maxBytes = positive('maxBytes', 64 * MIB);
  const maxEntryBytes = positive('maxEntryBytes', Math.min(MIB, maxBytes));
  if (maxEntryBytes > maxBytes) {
    const remedy = `must not be more than ${path}.maxBytes (${String(maxBytes)})`;
    throw new ConfigError(`${path}.maxEntryBytes`, remedy, { value: maxEntryBytes });
  }
  return {
    strategy,
    maxSize: positive('maxSize', 1_000),
    maxBytes,
    maxEntryBytes,
    defaultTtlMs: positive('defaultTtlMs', 300_000),
  };
}
