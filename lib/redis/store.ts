import type { MaybePromise } from '../util/maybe-promise';
import type { CacheEntry, CacheStore, Found, Generation, StoreHealth, StoreInit } from '../cache/store';
import { leftMs, packEntry, unpackEntry } from './codec';
import { GENERATION_TTL_MS, type Generations, settled } from './generations';
import { EntryTags } from './entry-tags';
import { DOWN, type RedisClient } from './client';
import type { LocalEntry, LocalTier, MaxStale } from './local-tier';
import type { FleetConfig } from './options';
import { ignored, pair } from './reply';
import { DELETE, TAG_LENGTH, SET, TOKEN_LENGTH } from './scripts';

/** The result if Redis is down: nothing is found, and nothing may be stored. */
const NOTHING: Found = { entry: undefined, generation: undefined };

/** The parts of a store. */
export interface RedisStoreParts {
  readonly client: RedisClient;
  readonly config: FleetConfig;
  /** Common to the fleet: a drop through one cache, or by the flights, applies to all. */
  readonly generations: Generations;
  readonly local: LocalTier | undefined;
  readonly maxStale: MaxStale | undefined;
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
  readonly #tags: EntryTags;
  /** The part of an entry's key between those of its group and of the result. */
  readonly #infix: string;
  #errors = 0;
  #isClosed = false;

  constructor(init: StoreInit, parts: RedisStoreParts) {
    this.#init = init;
    this.#parts = parts;
    this.#tags = new EntryTags(parts.client);
    this.#infix = `:c:${encodeURIComponent(init.name)}:`;
    this.#generations = parts.generations;
  }

  get health(): StoreHealth {
    return { isUp: this.#parts.client.isUp, errors: this.#errors + this.#generations.errors };
  }

  find(key: string, group: string): MaybePromise<Found> {
    const { local, maxStale } = this.#parts;
    const entryKey = this.#entryKey(key, group);
    const localEntry = local?.get(entryKey);
    if (localEntry && leftMs(localEntry.entry) > 0) {
      if (maxStale?.isRecent(this.#generations.key(group), localEntry.askedAt)) return localEntry;
      return this.#orElse(this.#confirmed(entryKey, group, localEntry), NOTHING);
    }
    local?.remove(entryKey);
    return this.#orElse(this.#read(entryKey, group), NOTHING);
  }

  async set(key: string, entry: CacheEntry, group: string, generation?: Generation): Promise<boolean> {
    if (this.#isClosed || leftMs(entry) <= 0) return false;
    const { local } = this.#parts;
    const entryKey = this.#entryKey(key, group);
    local?.remove(entryKey);
    const stored = await this.#orElse(this.#write(entryKey, entry, group, generation), false);
    if (!stored) local?.drop(entryKey);
    return stored;
  }

  async delete(key: string, group: string): Promise<boolean> {
    const { client, local } = this.#parts;
    const entryKey = this.#entryKey(key, group);
    const keys = [this.#generations.key(group), entryKey];
    const isOne = (reply: unknown): boolean => reply === 1;
    const found = await this.#orElse(client.run(DELETE, keys, [], isOne), false);
    local?.drop(entryKey);
    return found;
  }

  generation(group: string): Promise<Generation | undefined> {
    return this.#orElse(this.#generations.ask(group), undefined);
  }

  async dropGroup(group: string, unsettledMs = 0, write?: string): Promise<void> {
    const name = this.#generations.key(group);
    await this.#generations.drop(group, unsettledMs, write);
    this.#parts.maxStale?.dropped(name);
  }

  async clear(): Promise<void> {
    this.#parts.local?.clear();
    await this.#generations.clear();
    this.#parts.maxStale?.allDropped();
  }

  close(): void {
    this.#isClosed = true;
    this.#parts.local?.clear();
  }

  #confirmed(entryKey: string, group: string, localEntry: LocalEntry): Promise<Found> {
    const askedAt = performance.now();
    return this.#tags.isCurrent(this.#generations.key(group), entryKey, localEntry.tag).then((isCurrent) => {
      if (isCurrent) {
        localEntry.askedAt = askedAt;
        return localEntry;
      }
      const { local } = this.#parts;
      if (local?.get(entryKey) === localEntry) local.remove(entryKey);
      return this.#read(entryKey, group);
    });
  }

  async #read(entryKey: string, group: string): Promise<Found> {
    const name = this.#generations.key(group);
    const { client, local } = this.#parts;
    const [askedAt, drops] = [performance.now(), local?.drops ?? 0];
    const [known, found] = await client.send(['MGET', name, entryKey], pair);
    if (!known) return { entry: undefined, generation: await this.#generations.make(group) };
    const generation = settled(known.toString('latin1'));
    if (!generation || found?.toString('latin1', 0, TOKEN_LENGTH) !== generation)
      return { entry: undefined, generation };
    const entry = await unpackEntry(found.subarray(TOKEN_LENGTH), this.#init.maxEntryBytes);
    if (!entry || leftMs(entry) <= 0) return { entry: undefined, generation };
    local?.add(entryKey, { entry, tag: found.toString('latin1', 0, TAG_LENGTH), askedAt }, drops);
    return { entry, generation };
  }

  async #write(entryKey: string, entry: CacheEntry, group: string, given?: Generation): Promise<boolean> {
    const { client, config, local } = this.#parts;
    const [askedAt, drops] = [performance.now(), local?.drops ?? 0];
    if (entry.body.length > this.#init.maxEntryBytes) {
      // The newer result has been seen by a caller: the older one must not be found after it.
      await client.send(['DEL', entryKey], ignored);
      return false;
    }
    const generation = given ?? (await this.#generations.ask(group));
    if (typeof generation !== 'string') return false;
    const packed = await packEntry(entry, config.compressAboveBytes);
    const left = leftMs(entry);
    if (left <= 0) return false;
    // No longer than its generation lives.
    const lifetime = String(Math.min(Math.ceil(left), GENERATION_TTL_MS));
    const keys = [this.#generations.key(group), entryKey];
    const stored = await client.run(SET, keys, [generation, packed, lifetime], (reply) => reply === 1);
    if (stored) {
      // Also replaces an older entry that was read meanwhile.
      local?.remove(entryKey);
      local?.add(entryKey, { entry, tag: generation + packed.toString('latin1', 0, TOKEN_LENGTH), askedAt }, drops);
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
