import { SafeEmitter } from '../util/safe-emitter';
import { withTimeout } from '../util/timeout';
import { cacheKey } from './key';
import { MemoryStore } from './memory-store';
import { smartCacheConfig, type SmartCacheConfig, type SmartCacheOptions } from './options';
import { type MaybePromise, isPromise, mapMaybe } from '../util/maybe-promise';
import type { CacheStore, EvictReason, Eviction, Found, Generation, StoreHealth } from './store';

/** A store that answers later is of no use: it only spares a call. */
const STORE_TIMEOUT_MS = 1_000;

/** A snapshot of a cache. */
export interface CacheStats {
  /** Look-ups that found a result. */
  readonly hits: number;
  /** Look-ups that found nothing. */
  readonly misses: number;
  /** Hits in percent of all look-ups; 0 before the first. */
  readonly hitRate: number;
  /** Entries held; `undefined` if unknown. */
  readonly size: number | undefined;
  /** Bytes held, including keys and overhead; `undefined` if unknown. */
  readonly bytes: number | undefined;
  /** The state of the store's database; `undefined` if it has none. */
  readonly health: StoreHealth | undefined;
  /** Evictions by reason. A replaced entry is none. */
  readonly evictions: Readonly<Record<EvictReason, number>>;
}

/** The events of a {@link SmartCache} with the arguments of their listeners. */
export interface CacheEvents {
  /** A look-up found a result. */
  hit: [{ readonly key: string }];
  /** A look-up found nothing. */
  miss: [{ readonly key: string }];
  /** A result was stored. */
  set: [{ readonly key: string; readonly group: string; readonly ttlMs: number | undefined }];
  /** An entry was evicted. */
  evict: [Eviction];
}

/** How a result is saved. */
export interface SaveOptions {
  /** The unit of invalidation: the name of the MCP server. */
  readonly group: string;
  /** Lifetime in milliseconds; 0 or less: not stored. @defaultValue the cache's `defaultTtlMs` */
  readonly ttlMs?: number | undefined;
  /** The group's {@link SmartCache.generation} before the read: the result is not stored if it has changed since. */
  readonly generation?: Generation | undefined;
}

/**
 * A bounded cache of tool results, without HTTP.
 *
 * {@link get}, {@link set} and {@link delete} keep JSON values by tool and arguments. {@link lookup} and {@link save}
 * keep finished response bodies by key, synchronously if the store is synchronous.
 *
 * A listener that throws or rejects causes a process warning and nothing else.
 *
 * @example Alone
 * ```ts
 * const cache = new SmartCache({ maxSize: 100 });
 * await cache.set('search', { q: 'mcp' }, { found: 3 }, 60_000);
 * await cache.get('search', { q: 'mcp' }); // { found: 3 }
 * ```
 */
export class SmartCache extends SafeEmitter<CacheEvents> {
  readonly #config: SmartCacheConfig;
  readonly #store: CacheStore;
  readonly #evictions: Record<EvictReason, number> = { size: 0, bytes: 0, expired: 0, deleted: 0, invalidated: 0 };
  #hits = 0;
  #misses = 0;

  /**
   * @param name - keeps the entries of caches apart in a shared database
   * @param path - the path of the options in error messages
   * @throws ConfigError for an invalid option
   */
  constructor(options: SmartCacheOptions = {}, name = 'default', path = 'cache') {
    super();
    this.#config = smartCacheConfig(options, path);
    const { strategy, maxSize, maxBytes, maxEntryBytes } = this.#config;
    const onEvict = (eviction: Eviction): void => {
      this.#evictions[eviction.reason]++;
      this.notify('evict', eviction);
    };
    const init = { name, strategy, maxSize, maxBytes, maxEntryBytes, onEvict };
    this.#store = options.store ? options.store(init) : new MemoryStore(init);
  }

  get stats(): CacheStats {
    const lookups = this.#hits + this.#misses;
    return {
      hits: this.#hits,
      misses: this.#misses,
      hitRate: lookups === 0 ? 0 : (100 * this.#hits) / lookups,
      size: this.#store.size,
      bytes: this.#store.bytes,
      health: this.#store.health,
      evictions: { ...this.#evictions },
    };
  }

  /**
   * The value kept for a tool and its arguments: a new copy each time, or `undefined`.
   *
   * @throws TypeError if the arguments have no JSON form
   */
  async get(tool: string, args: unknown = {}): Promise<unknown> {
    const { entry } = await this.lookup(toolKey(tool, args), tool);
    return entry && (JSON.parse(entry.body.toString()) as unknown);
  }

  /**
   * Keeps a value for a tool and its arguments, as JSON, in a group with the tool's name.
   *
   * @param ttlMs - see {@link SaveOptions.ttlMs}
   * @returns whether it was stored
   * @throws TypeError if the arguments or the value have no JSON form; RangeError if `ttlMs` is not a finite number
   */
  async set(tool: string, args: unknown, value: unknown, ttlMs?: number): Promise<boolean> {
    const json = JSON.stringify(value) as string | undefined;
    if (json === undefined) throw new TypeError(`value must have a JSON form, got ${typeof value}`);
    return this.save(toolKey(tool, args), Buffer.from(json), { group: tool, ttlMs });
  }

  /**
   * Drops the value kept for a tool and its arguments.
   *
   * @returns whether there was one
   * @throws TypeError if the arguments have no JSON form
   */
  async delete(tool: string, args: unknown = {}): Promise<boolean> {
    return bounded(() => this.#store.delete(toolKey(tool, args), tool));
  }

  /**
   * Looks up a finished result by its {@link cacheKey}, together with the {@link generation} of its group. Nobody may
   * write to its body. Counts as a hit or a miss.
   */
  lookup(key: string, group: string): MaybePromise<Found> {
    const found = bounded(() => this.#store.find(key, group));
    return mapMaybe(found, (known) => this.#count(key, known));
  }

  /**
   * Stores a finished result. Its body must not be modified afterwards.
   *
   * @returns whether it was stored: not if it is too large, has expired, or its group was dropped since the read began
   * @throws RangeError if `ttlMs` is not a finite number
   */
  save(key: string, body: Buffer, options: SaveOptions): MaybePromise<boolean> {
    const { group, ttlMs = this.#config.defaultTtlMs, generation } = options;
    if (!Number.isFinite(ttlMs)) throw new RangeError(`ttlMs must be a finite number, got ${String(ttlMs)}`);
    if (ttlMs <= 0) return false;
    const entry = { body, storedAt: Date.now(), ttlMs: this.#config.strategy === 'lru' ? undefined : ttlMs };
    const saved = bounded(() => this.#store.set(key, entry, group, generation));
    return mapMaybe(saved, (stored) => {
      if (stored) this.notify('set', { key, group, ttlMs: entry.ttlMs });
      return stored;
    });
  }

  /** The generation to take before a read and to pass to {@link save}. `undefined`: what is read now must not be saved. */
  generation(group: string): MaybePromise<Generation | undefined> {
    return bounded(() => this.#store.generation(group));
  }

  /**
   * Drops all results of a group. A read that is in progress will not be stored.
   *
   * @param unsettledMs - for how long later reads must not be stored either, in milliseconds. @defaultValue 0
   * @param write - names the write that may still take effect: a later call with the same name ends or prolongs that time
   */
  async invalidate(group: string, unsettledMs?: number, write?: string): Promise<void> {
    await bounded(() => this.#store.dropGroup(group, unsettledMs, write));
  }

  /** Drops all results. A read that is in progress will not be stored. */
  async clear(): Promise<void> {
    await bounded(() => this.#store.clear());
  }

  /** Releases memory, timers and connections: nothing is found or stored afterwards. Idempotent. */
  async close(): Promise<void> {
    await bounded(() => this.#store.close());
  }

  #count(key: string, found: Found): Found {
    if (found.entry) this.#hits++;
    else this.#misses++;
    this.notify(found.entry ? 'hit' : 'miss', { key });
    return found;
  }
}

/** The key of a value kept by `set()`. No server has an empty name, so it never meets a result of a server. */
function toolKey(tool: string, args: unknown): string {
  return cacheKey({ server: '', tool, args, principal: undefined, format: 'application/json' });
}

/** Asks a store; rejects if it throws, or takes longer than a second. */
function bounded<T>(ask: () => MaybePromise<T>): MaybePromise<T> {
  try {
    const answer = ask();
    if (!isPromise(answer)) return answer;
    const late = (): Error => new Error(`the cache store did not answer within ${STORE_TIMEOUT_MS} ms`);
    return withTimeout(answer, STORE_TIMEOUT_MS, late);
  } catch (error) {
    return Promise.reject(error instanceof Error ? error : new Error(String(error)));
  }
}
