import { ConfigError } from '../errors';
import type { StoreBounds, StoreFactory, Strategy } from './store';

/** Options of a cache. `undefined` means the default. */
export interface SmartCacheOptions {
  /**
   * `lru`: entries stay until they are the least recently used of too many. `ttl`: until their time is over, or they
   * are the nearest to it of too many. `lru_ttl`: until their time is over, or they are the least recently used of too
   * many.
   *
   * @defaultValue `'lru_ttl'`
   */
  readonly strategy?: Strategy | undefined;
  /** How many results are kept. @defaultValue 1000 */
  readonly maxSize?: number | undefined;
  /** How many bytes are kept, keys and overhead included. @defaultValue 67108864 (64 MiB) */
  readonly maxBytes?: number | undefined;
  /** The largest body that is kept, in bytes. @defaultValue 1048576 (1 MiB), but not more than `maxBytes` */
  readonly maxEntryBytes?: number | undefined;
  /** How long a result is good when nothing else is said, in milliseconds. @defaultValue 300000 */
  readonly defaultTtlMs?: number | undefined;
  /** Makes the store that holds the entries. @defaultValue a {@link MemoryStore} */
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
