import { ConfigError, McpoError } from '../errors';
import { allDone } from '../util/maybe-promise';
import type { SmartCacheOptions } from './options';
import { type CacheStats, SmartCache } from './smart-cache';

const DEFAULT = 'default';

/** The `default` cache and any number of named ones, each with its own size, lifetime, strategy and store. */
export class CacheManager {
  /** The cache of all tools without a cache of their own. */
  readonly default: SmartCache;
  readonly #options: SmartCacheOptions;
  readonly #path: string;
  readonly #caches = new Map<string, SmartCache>();
  #closed: Promise<void> | undefined;

  /**
   * @param options - of the default cache; its `store` also serves named caches without one
   * @param path - the path of the options in error messages
   * @throws ConfigError for an invalid option
   */
  constructor(options: SmartCacheOptions = {}, path = 'cache') {
    this.#options = options;
    this.#path = path;
    this.default = new SmartCache(options, DEFAULT, path);
    this.#caches.set(DEFAULT, this.default);
  }

  /** All caches by name, the default one first. */
  get caches(): ReadonlyMap<string, SmartCache> {
    return this.#caches;
  }

  get stats(): Readonly<Record<string, CacheStats>> {
    return Object.fromEntries(Array.from(this.#caches, ([name, cache]) => [name, cache.stats]));
  }

  /**
   * Adds a cache, which inherits nothing but the store of the default cache.
   *
   * @param path - the path of the options in error messages
   * @throws ConfigError for an invalid option or a name that is empty or taken; McpoError `MCPO_CLOSING`
   * after {@link close}
   */
  createCache(name: string, options: SmartCacheOptions = {}, path = `${this.#path}.caches.${name}`): SmartCache {
    if (this.#closed) throw new McpoError('MCPO_CLOSING', 'the cache manager is closed');
    if (name === '' || this.#caches.has(name)) {
      throw new ConfigError(path, 'must have a non-empty name that is not taken', { value: name });
    }
    const cache = new SmartCache({ ...options, store: options.store ?? this.#options.store }, name, path);
    this.#caches.set(name, cache);
    return cache;
  }

  /** The cache of this name, if there is one. */
  getCache(name: string): SmartCache | undefined {
    return this.#caches.get(name);
  }

  /**
   * Drops the results of a group (an MCP server) from every cache. Reads in progress will not be stored. All stores are
   * asked, then the first error is thrown.
   *
   * @param unsettledMs - see {@link SmartCache.invalidate}. @defaultValue 0
   * @param write - see {@link SmartCache.invalidate}
   */
  invalidate(group: string, unsettledMs?: number, write?: string): Promise<void> {
    return this.#each((cache) => cache.invalidate(group, unsettledMs, write));
  }

  clear(): Promise<void> {
    return this.#each((cache) => cache.clear());
  }

  /** Closes every cache. Idempotent. */
  close(): Promise<void> {
    return (this.#closed ??= this.#each((cache) => cache.close()));
  }

  async #each(act: (cache: SmartCache) => Promise<void>): Promise<void> {
    await allDone(Array.from(this.#caches.values(), act));
  }
}
