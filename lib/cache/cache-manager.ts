import { ConfigError, McpoError } from '../errors';
import { allDone, type MaybePromise } from '../util/maybe-promise';
import type { SmartCacheOptions } from './options';
import { SmartCache } from './smart-cache';
import type { CacheStats } from './smart-cache-numbers';

const DEFAULT = 'default';

/** The `default` cache and any number of named ones, each with its own size, TTL, strategy and store. */
export class CacheManager {
  /** The cache of all tools that have been given no other. */
  readonly default: SmartCache;
  readonly #options: SmartCacheOptions;
  readonly #path: string;
  readonly #caches = new Map<string, SmartCache>();
  #closed: MaybePromise<void> | 'open' = 'open';

  /**
   * @param options - of the default cache; its `store` is also the one of every named cache that brings none
   * @param path - what error messages call the options
   * @throws ConfigError for an option that cannot work
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

  /** The numbers of every cache by its name. */
  get stats(): Readonly<Record<string, CacheStats>> {
    return Object.fromEntries(Array.from(this.#caches, ([name, cache]) => [name, cache.stats]));
  }

  /**
   * Adds a cache. Only the store is taken over from the default cache.
   *
   * @param path - what error messages call the options
   * @throws ConfigError for an option that cannot work or a name that is empty or taken; McpoError `MCPO_CLOSING`
   * after {@link close}
   */
  createCache(name: string, options: SmartCacheOptions = {}, path = `${this.#path}.caches.${name}`): SmartCache {
    if (this.#closed !== 'open') throw new McpoError('MCPO_CLOSING', 'the cache manager is closed');
    if (name === '' || this.#caches.has(name)) {
      throw new ConfigError(path, 'must have a name that is not empty and not taken', { value: name });
    }
    const cache = new SmartCache({ ...options, store: options.store ?? this.#options.store }, name, path);
    this.#caches.set(name, cache);
    return cache;
  }

  /** The cache of that name, if there is one. */
  getCache(name: string): SmartCache | undefined {
    return this.#caches.get(name);
  }

  /**
   * Drops the results of a group, such as all of one MCP server, from every cache at once; reads of it that are still
   * running will not be stored. Several stores that answer by promises are all asked, then the first error is thrown.
   *
   * @param unsettledMs - how long what is read of it must not be stored either, in milliseconds. @defaultValue 0
   */
  invalidate(group: string, unsettledMs?: number): MaybePromise<void> {
    return this.#each((cache) => cache.invalidate(group, unsettledMs));
  }

  /** Drops all results from every cache. */
  clear(): MaybePromise<void> {
    return this.#each((cache) => cache.clear());
  }

  /** Closes every cache. May be called again. */
  close(): MaybePromise<void> {
    if (this.#closed === 'open') this.#closed = this.#each((cache) => cache.close());
    return this.#closed;
  }

  #each(act: (cache: SmartCache) => MaybePromise<void>): MaybePromise<void> {
    return allDone(Array.from(this.#caches.values(), act));
  }
}
