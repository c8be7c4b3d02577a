import type { MaybePromise } from '../util/maybe-promise';
import type { CacheEntry, CacheStore, Found, Generation, StoreHealth, StoreInit } from '../cache/store';
import { leftMs, packEntry, unpackEntry } from './codec';
import { GENERATION_TTL_MS, type Generations, settled } from './generations';
import { EntryTags } from './entry-tags';
import { DOWN, type RedisClient } from './client';
import type { LocalTier, Near } from './local-tier';
import type { FleetConfig } from './options';
import { ignored, pair } from './reply';
import { DELETE, HEAD_LENGTH, SET, TOKEN_LENGTH } from './scripts';
import type { MaxStale } from './max-stale';

/** As good as an empty store: nothing is found, and nothing may be kept. */
const NOTHING: Found = { entry: undefined, generation: undefined };

/** What a store is made from. */
export interface RedisStoreParts {
  readonly link: RedisClient;
  readonly config: FleetConfig;
  /** Those of the fleet: a drop through any cache, or by the flights, is one in all. */
  readonly generations: Generations;
  readonly local: LocalTier | undefined;
  readonly staleness: MaxStale | undefined;
}

/**
 * A {@link CacheStore} in Redis. It never fails: a Redis that does is as good as an empty one.
 *
 * An entry is kept behind the generation at which it was read, and found only while that is its group's. One from the
 * local tier is found when Redis says, asked after the look-up began, that it is still the same, and its group's.
 */
export class RedisStore implements CacheStore {
  readonly #parts: RedisStoreParts;
  readonly #init: StoreInit;
  readonly #generations: Generations;
  readonly #heads: EntryTags;
  /** Between a group's key and an entry's. */
  readonly #infix: string;
  #errors = 0;
  #isClosed = false;

  constructor(init: StoreInit, parts: RedisStoreParts) {
    this.#init = init;
    this.#parts = parts;
    this.#heads = new EntryTags(parts.link);
    this.#infix = `:c:${encodeURIComponent(init.name)}:`;
    this.#generations = parts.generations;
  }

  get health(): StoreHealth {
    return { isUp: this.#parts.link.isUp, errors: this.#errors + this.#generations.errors };
  }

  find(key: string, group: string): MaybePromise<Found> {
    const { local, staleness } = this.#parts;
    const entryKey = this.#entryKey(key, group);
    const near = local?.get(entryKey);
    if (near && leftMs(near.entry) > 0) {
      if (staleness?.isRecent(this.#generations.key(group), near.askedAt)) return near;
      return this.#orElse(this.#confirmed(entryKey, group, near), NOTHING);
    }
    local?.remove(entryKey);
    return this.#orElse(this.#fetch(entryKey, group), NOTHING);
  }

  async set(key: string, entry: CacheEntry, group: string, generation?: Generation): Promise<boolean> {
    if (this.#isClosed || leftMs(entry) <= 0) return false;
    const { local } = this.#parts;
    const entryKey = this.#entryKey(key, group);
    local?.remove(entryKey);
    const stored = await this.#orElse(this.#keep(entryKey, entry, group, generation), false);
    if (!stored) local?.drop(entryKey);
    return stored;
  }

  async delete(key: string, group: string): Promise<boolean> {
    const { link, local } = this.#parts;
    const entryKey = this.#entryKey(key, group);
    const keys = [this.#generations.key(group), entryKey];
    const isOne = (reply: unknown): boolean => reply === 1;
    const found = await this.#orElse(link.run(DELETE, keys, [], isOne), false);
    local?.drop(entryKey);
    return found;
  }

  generation(group: string): Promise<Generation | undefined> {
    return this.#orElse(this.#generations.ask(group), undefined);
  }

  async dropGroup(group: string, unsettledMs = 0): Promise<void> {
    const name = this.#generations.key(group);
    await this.#generations.drop(group, unsettledMs);
    this.#parts.staleness?.dropped(name);
  }

  async clear(): Promise<void> {
    this.#parts.local?.clear();
    await this.#generations.clear();
    this.#parts.staleness?.forgetAll();
  }

  close(): void {
    this.#isClosed = true;
    this.#parts.local?.clear();
  }

  #confirmed(entryKey: string, group: string, near: Near): Promise<Found> {
    const askedAt = performance.now();
    return this.#heads.isStill(this.#generations.key(group), entryKey, near.head).then((isStill) => {
      if (isStill) {
        near.askedAt = askedAt;
        return near;
      }
      const { local } = this.#parts;
      if (local?.get(entryKey) === near) local.remove(entryKey);
      return this.#fetch(entryKey, group);
    });
  }

  async #fetch(entryKey: string, group: string): Promise<Found> {
    const name = this.#generations.key(group);
    const { link, local } = this.#parts;
    const [askedAt, drops] = [performance.now(), local?.drops ?? 0];
    const [known, found] = await link.send(['MGET', name, entryKey], pair);
    if (!known) return { entry: undefined, generation: await this.#generations.make(group) };
    const generation = settled(known.toString('latin1'));
    if (!generation || found?.toString('latin1', 0, TOKEN_LENGTH) !== generation)
      return { entry: undefined, generation };
    const entry = await unpackEntry(found.subarray(TOKEN_LENGTH), this.#init.maxEntryBytes);
    if (!entry || leftMs(entry) <= 0) return { entry: undefined, generation };
    local?.add(entryKey, { entry, head: found.toString('latin1', 0, HEAD_LENGTH), askedAt }, drops);
    return { entry, generation };
  }

  async #keep(entryKey: string, entry: CacheEntry, group: string, given?: Generation): Promise<boolean> {
    const { link, config, local } = this.#parts;
    const [askedAt, drops] = [performance.now(), local?.drops ?? 0];
    if (entry.body.length > this.#init.maxEntryBytes) {
      // A caller who has seen the newer result must not meet the older one afterwards.
      await link.send(['DEL', entryKey], ignored);
      return false;
    }
    const generation = given ?? (await this.#generations.ask(group));
    if (typeof generation !== 'string') return false;
    const packed = await packEntry(entry, config.compressAboveBytes);
    const left = leftMs(entry);
    if (left <= 0) return false;
    // Longer than its generation, it is not found.
    const lifetime = String(Math.min(Math.ceil(left), GENERATION_TTL_MS));
    const keys = [this.#generations.key(group), entryKey];
    const stored = await link.run(SET, keys, [generation, packed, lifetime], (reply) => reply === 1);
    if (stored) {
      // Not one that was found meanwhile, which this one has replaced.
      local?.remove(entryKey);
      local?.add(entryKey, { entry, head: generation + packed.toString('latin1', 0, TOKEN_LENGTH), askedAt }, drops);
    }
    return stored;
  }

  #entryKey(key: string, group: string): string {
    return this.#generations.key(group) + this.#infix + key;
  }

  #orElse<T>(answer: Promise<T>, otherwise: T): Promise<T> {
    return answer.then(
      (known) => (this.#isClosed ? otherwise : known),
      (error: unknown) => {
        if (error !== DOWN) this.#errors += 1;
        return otherwise;
      },
    );
  }
}
