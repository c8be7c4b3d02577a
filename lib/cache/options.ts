import { ConfigError } from '../errors';
import { checkFunction, checkInteger } from '../util/checks';
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
  /** Lifetime of a result that no other rule sets, in milliseconds. Not with `lru`. @defaultValue 300000 */
  readonly defaultTtlMs?: number | undefined;
  /** Makes the store that holds the entries. @defaultValue in memory */
  readonly store?: StoreFactory | undefined;
}

/** Validated cache options with their defaults. */
export interface SmartCacheConfig extends StoreBounds {
  readonly strategy: Strategy;
  readonly defaultTtlMs: number;
}

const STRATEGIES: readonly unknown[] = ['lru', 'ttl', 'lru_ttl'] satisfies Strategy[];
const MIB = 2 ** 20;

/** Validates cache options and adds the defaults. */
export function smartCacheConfig(options: SmartCacheOptions, path: string): SmartCacheConfig {
  const { strategy = 'lru_ttl', store } = options;
  const positive = (key: 'maxSize' | 'maxBytes' | 'maxEntryBytes' | 'defaultTtlMs', fallback: number): number =>
    checkInteger(`${path}.${key}`, options[key], 1, fallback, Number.MAX_SAFE_INTEGER);
  if (!STRATEGIES.includes(strategy)) {
    throw new ConfigError(`${path}.strategy`, "must be 'lru', 'ttl' or 'lru_ttl'", { value: strategy });
  }
  if (strategy === 'lru' && options.defaultTtlMs !== undefined) {
    const remedy = "must not be given with the strategy 'lru', whose results do not expire; 'lru_ttl' heeds it";
    throw new ConfigError(`${path}.defaultTtlMs`, remedy);
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
