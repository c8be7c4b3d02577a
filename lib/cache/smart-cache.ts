import { EventEmitter } from 'node:events';
import { warn } from '../errors';
import { bounded } from './bounded';
import { cacheKey } from './key';
import { MemoryStore } from './memory-store';
import { smartCacheConfig, type SmartCacheConfig, type SmartCacheOptions } from './options';
import { type MaybePromise, mapMaybe } from '../util/maybe-promise';
import type { CacheEvents, CacheStats } from './smart-cache-numbers';
import type { CacheStore, EvictReason, Eviction, Found, Generation } from './store';

/** What is known of a result beside its body. */
export interface SaveOptions {
  /** Results that are dropped together: the name of the MCP server. */
  readonly group: string;
  /** How long it is good, in milliseconds; 0 or less: it is not stored. @defaultValue the cache's `defaultTtlMs` */
  readonly ttlMs?: number | undefined;
  /** The group's {@link SmartCache.generation} when the read began; it is not stored if the group was dropped since. */
  readonly generation?: Generation | undefined;
}

/**
 * A bounded cache of tool results; knows no HTTP.
 *
 * By tool and arguments it keeps any JSON value: {@link get}, {@link set}, {@link delete}. By key it keeps finished
 * response bodies: {@link lookup}, {@link save}, which answer at once if the store does.
 *
 * A listener that throws or rejects does not disturb the cache; what it threw becomes a process warning.
 *
 * @example Alone
 * ```ts
 * const cache = new SmartCache({ maxSize: 100 });
 * await cache.set('search', { q: 'mcp' }, { found: 3 }, 60_000);
 * await cache.get('search', { q: 'mcp' }); // { found: 3 }
 * ```
 */
export class SmartCache extends EventEmitter<CacheEvents> {
  readonly #config: SmartCacheConfig;
  readonly #store: CacheStore;
  readonly #evictions: Record<EvictReason, number> = { size: 0, bytes: 0, expired: 0, deleted: 0, invalidated: 0 };
  #hits = 0;
  #misses = 0;

  /**
   * @param name - tells this cache's entries from another's in a shared database
   * @param path - what error messages call the options
   * @throws ConfigError for an option that cannot work
   */
  constructor(options: SmartCacheOptions = {}, name = 'default', path = 'cache') {
    super({ captureRejections: true });
    this.#config = smartCacheConfig(options, path);
    const { strategy, maxSize, maxBytes, maxEntryBytes } = this.#config;
    const onEvict = (eviction: Eviction): void => {
      this.#evictions[eviction.reason]++;
      this.#tell('evict', eviction);
    };
    const init = { name, strategy, maxSize, maxBytes, maxEntryBytes, onEvict };
    this.#store = options.store ? options.store(init) : new MemoryStore(init);
  }

  /** Counts so far and what is held now. */
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
   * The value kept for a tool and its arguments: a new copy each time. `undefined` if there is none.
   *
   * @throws TypeError if the arguments are no JSON value
   */
  async get(tool: string, args: unknown = {}): Promise<unknown> {
    const { entry } = await this.lookup(toolKey(tool, args), tool);
    return entry && (JSON.parse(entry.body.toString()) as unknown);
  }

  /**
   * Keeps a value, as JSON, for a tool and its arguments, in a group named like the tool.
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
   * @throws TypeError if the arguments are no JSON value
   */
  async delete(tool: string, args: unknown = {}): Promise<boolean> {
    const key = toolKey(tool, args);
    return bounded(() => this.#store.delete(key, tool));
  }

  /**
   * The finished result of a group under a {@link cacheKey}, whose body must not be written to, and the group's
   * {@link generation}. Counts as a hit or a miss.
   */
  lookup(key: string, group: string): MaybePromise<Found> {
    const found = bounded(() => this.#store.find(key, group));
    return mapMaybe(found, (known) => this.#count(key, known));
  }

  /**
   * Keeps a finished result, which from now on must not be written to.
   *
   * @returns whether it was stored: not if it is too large, its time is over or its group was dropped since the read began
   * @throws RangeError if `ttlMs` is not a finite number
   */
  save(key: string, body: Buffer, options: SaveOptions): MaybePromise<boolean> {
    const { group, ttlMs = this.#config.defaultTtlMs, generation } = options;
    if (!Number.isFinite(ttlMs)) throw new RangeError(`ttlMs must be a finite number, got ${String(ttlMs)}`);
    if (ttlMs <= 0) return false;
    const entry = { body, storedAt: Date.now(), ttlMs: this.#config.strategy === 'lru' ? undefined : ttlMs };
    const tell = (stored: boolean): boolean => {
      if (stored) this.#tell('set', { key, group, ttlMs: entry.ttlMs });
      return stored;
    };
    const stored = bounded(() => this.#store.set(key, entry, group, generation));
    return mapMaybe(stored, tell);
  }

  /** To take before a read and to give to {@link save} after it; `undefined`: what is read now must not be saved. */
  generation(group: string): MaybePromise<Generation | undefined> {
    return bounded(() => this.#store.generation(group));
  }

  /**
   * Drops all results of a group at once; a read of it that is still running will not be stored.
   *
   * @param unsettledMs - how long what is read of it must not be stored either, in milliseconds. @defaultValue 0
   */
  invalidate(group: string, unsettledMs?: number): MaybePromise<void> {
    return bounded(() => this.#store.dropGroup(group, unsettledMs));
  }

  /** Drops all results; a read that is still running will not be stored. */
  clear(): MaybePromise<void> {
    return bounded(() => this.#store.clear());
  }

  /** Gives up memory, timers and connections: nothing is found or stored from then on. May be called again. */
  close(): MaybePromise<void> {
    return bounded(() => this.#store.close());
  }

  /** What a listener that is an async function rejects with. */
  override [EventEmitter.captureRejectionSymbol](error: unknown, ..._event: readonly unknown[]): void {
    warn(error);
  }

  #count(key: string, found: Found): Found {
    if (found.entry) this.#hits++;
    else this.#misses++;
    this.#tell(found.entry ? 'hit' : 'miss', { key });
    return found;
  }

  #tell<K extends keyof CacheEvents>(event: K, ...args: CacheEvents[K]): void {
    try {
      this.emit<keyof CacheEvents>(event, ...args);
    } catch (error) {
      warn(error);
    }
  }
}

/** The key of what is kept by hand: a server's name is never empty, so that no result of a server is in its way. */
function toolKey(tool: string, args: unknown): string {
  return cacheKey({ server: '', tool, args, principal: undefined, format: 'application/json' });
}
