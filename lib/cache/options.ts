import { ConfigError } from '../errors';
import type { StoreBounds, StoreFactory, Strategy } from './store';

/** Options of a cache. `undefined` means the default. */
export interface SmartCacheOptions {
  /**
   * What leaves a full cache, and whether results expire. `lru`: the least recently used leaves, nothing expires.
   * `ttl`: results expire, the next to expire leaves. `lru_ttl`: results expire, the least recently used leaves.
   * @defaultValue `'lru_ttl'`
   */
  readonly strategy?: Strategy | undefined;
  /** Number of results. @defaultValue 1000 */
  readonly maxSize?: number | undefined;
  /** Total size in bytes, keys and overhead included. @defaultValue 67108864 (64 MiB) */
  readonly maxBytes?: number | undefined;
  /** Largest result to cache, in bytes. @defaultValue 1048576 (1 MiB), at most `maxBytes` */
  readonly maxEntryBytes?: number | undefined;
  /** Lifetime of a result that no other rule sets, in milliseconds. @defaultValue 300000 */
  readonly defaultTtlMs?: number | undefined;
  /** Makes the store that holds the entries. @defaultValue in memory */
  readonly store?: StoreFactory | undefined;
}

/** Cache options, complete and checked. */
export interface SmartCacheConfig extends StoreBounds {
  readonly strategy: Strategy;
  readonly defaultTtlMs: number;
}

const STRATEGIES: readonly unknown[] = ['lru', 'ttl', 'lru_ttl'] satisfies Strategy[];
const MIB = 2 ** 20;

/**
 * Completes and checks cache options.
 *
 * @param path - what error messages call the options
 * @throws ConfigError for a value that cannot work
 */
export function smartCacheConfig(options: SmartCacheOptions, path: string): SmartCacheConfig {
  const { strategy = 'lru_ttl', store } = options;
  if (!STRATEGIES.includes(strategy)) {
    throw new ConfigError(`${path}.strategy`, "must be 'lru', 'ttl' or 'lru_ttl'", { value: strategy });
  }
  if (store !== undefined && typeof store !== 'function') {
    throw new ConfigError(`${path}.store`, 'must be a function', { value: store });
  }
  const maxBytes = positive(`${path}.maxBytes`, options.maxBytes, 64 * MIB);
  const maxEntryBytes = positive(`${path}.maxEntryBytes`, options.maxEntryBytes, Math.min(MIB, maxBytes));
  if (maxEntryBytes > maxBytes) {
    const remedy = `must not be more than ${path}.maxBytes (${String(maxBytes)})`;
    throw new ConfigError(`${path}.maxEntryBytes`, remedy, { value: maxEntryBytes });
  }
  return {
    strategy,
    maxSize: positive(`${path}.maxSize`, options.maxSize, 1_000),
    maxBytes,
    maxEntryBytes,
    defaultTtlMs: positive(`${path}.defaultTtlMs`, options.defaultTtlMs, 300_000),
  };
}

function positive(path: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new ConfigError(path, 'must be an integer of at least 1', { value });
}
