import NodeCache from 'node-cache';
import { SlotIndex, type Slot } from './slot-index';
import type { CacheEntry, CacheStore, EvictReason, Eviction, Found, Generation, StoreInit } from './store';

/** What an entry takes beside its key and body on Node 20: some 530 bytes of heap, and its buffer's own outside of it. */
const ENTRY_OVERHEAD = 900;
const CLEAN_UP_INTERVAL_MS = 10_000;
/** Entries removed in one turn of the event loop: about a millisecond. */
const CLEAN_UP_SLICE = 1_000;

/**
 * A {@link CacheStore} in this process: node-cache holds the entries and their time, an index of ours bounds them.
 *
 * When it is full, entries whose time is over go first, then by strategy. Entries that nobody asks for any more are
 * cleaned up every ten seconds, in slices; node-cache's own clean-up looks at every entry in one go, which takes some
 * 40 ms for 100,000. So are those of a dropped group; until then they count, but are not found.
 */
export class MemoryStore implements CacheStore {
  readonly #init: StoreInit;
  // Its limit on keys is left alone: it also refuses to replace an entry (node-cache 5.1.2).
  readonly #cache = new NodeCache({ useClones: false, checkperiod: 0 });
  readonly #index = new SlotIndex();
  #gone: Eviction[] = [];
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(init: StoreInit) {
    this.#init = init;
    this.#cache.on('expired', (_key: string, slot: Slot) => {
      this.#left(slot, 'expired');
    });
  }

  get size(): number {
    return this.#index.size;
  }

  get bytes(): number {
    return this.#index.bytes;
  }

  find(key: string, group: string): Found {
    const slot = this.#find(key);
    if (slot && this.#init.strategy !== 'ttl') this.#index.touch(slot);
    this.#tell();
    return { entry: slot?.entry, generation: this.#index.generation(group) };
  }

  set(key: string, entry: CacheEntry, group: string, generation?: Generation): boolean {
    if (this.#closed || (generation !== undefined && generation !== this.generation(group))) return false;
    const expiresAt = entry.ttlMs === undefined ? Infinity : Math.ceil(entry.storedAt + entry.ttlMs);
    if (!(expiresAt > Date.now())) return false;
    const replaced = this.#find(key);
    const bytes = key.length + entry.body.length + ENTRY_OVERHEAD;
    const fits = entry.body.length <= this.#init.maxEntryBytes && bytes <= this.#init.maxBytes;
    if (fits) {
      if (replaced) this.#index.remove(replaced);
      this.#makeRoom(bytes);
      this.#keep(this.#index.add(key, ownEntry(entry), group, bytes, expiresAt));
    } else if (replaced) {
      // A caller who has seen the newer result must not meet the older one afterwards.
      this.#evict(replaced, 'bytes');
    }
    this.#tell();
    return fits;
  }

  delete(key: string): boolean {
    const slot = this.#find(key);
    if (slot) this.#evict(slot, 'deleted');
    this.#tell();
    return slot !== undefined;
  }

  generation(group: string): Generation | undefined {
    return this.#index.generation(group);
  }

  dropGroup(group: string, unsettledMs = 0): void {
    this.#index.drop(group, Date.now() + unsettledMs);
    this.#cleanUp();
  }

  clear(): void {
    this.#gone = this.#forgetAll().map((slot) => eviction(slot, 'deleted'));
    this.#tell();
  }

  close(): void {
    this.#closed = true;
    this.#forgetAll();
    this.#cache.close();
  }

  #find(key: string): Slot | undefined {
    const slot = this.#cache.get<Slot>(key);
    if (!slot?.group.dropped) return slot;
    this.#evict(slot, 'invalidated');
    return undefined;
  }

  #makeRoom(bytes: number): void {
    for (;;) {
      const tooMany = this.#index.size >= this.#init.maxSize;
      if (!tooMany && this.#index.bytes + bytes <= this.#init.maxBytes) return;
      if (!this.#evictUseless()) this.#evict(this.#victim(), tooMany ? 'size' : 'bytes');
    }
  }

  /** Evicts an entry that would never be found again. `false` if there is none. */
  #evictUseless(): boolean {
    const dropped = this.#index.takeDropped();
    if (dropped) {
      this.#evict(dropped, 'invalidated');
      return true;
    }
    const next = this.#index.nextToExpire;
    if (!next || next.expiresAt > Date.now()) return false;
    this.#evict(next, 'expired');
    return true;
  }

  /** The entry to go next, of at least one. In `ttl`, entries without an end come last, the oldest first. */
  #victim(): Slot {
    const first = this.#init.strategy === 'ttl' ? this.#index.nextToExpire : undefined;
    return first ?? (this.#index.leastRecent as Slot);
  }

  #keep(slot: Slot): void {
    // node-cache takes seconds, 0 for ever, and keeps an entry through the millisecond at which its time is over.
    const ttlMs = slot.expiresAt - Date.now();
    this.#cache.set(slot.key, slot, ttlMs === Infinity ? 0 : (ttlMs - 0.5) / 1000);
    if (ttlMs !== Infinity && !this.#timer) this.#cleanUpIn(CLEAN_UP_INTERVAL_MS);
  }

  #evict(slot: Slot, reason: EvictReason): void {
    this.#cache.del(slot.key);
    this.#left(slot, reason);
  }

  #left(slot: Slot, reason: EvictReason): void {
    this.#index.remove(slot);
    this.#gone.push(eviction(slot, reason));
  }

  /** The listener hears of evictions last: what it does to the store must find the store whole. */
  #tell(): void {
    if (this.#gone.length === 0) return;
    const gone = this.#gone;
    this.#gone = [];
    for (const one of gone) this.#init.onEvict(one);
  }

  #forgetAll(): Slot[] {
    this.#stopCleanUp();
    this.#cache.flushAll();
    return this.#index.clear();
  }

  #cleanUp(): void {
    this.#stopCleanUp();
    let left = CLEAN_UP_SLICE;
    while (left > 0 && this.#evictUseless()) left--;
    if (left === 0) this.#cleanUpIn(0);
    else if (this.#index.nextToExpire) this.#cleanUpIn(CLEAN_UP_INTERVAL_MS);
    this.#tell();
  }

  #cleanUpIn(delayMs: number): void {
    this.#timer = setTimeout(() => {
      this.#cleanUp();
    }, delayMs).unref();
  }

  #stopCleanUp(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

function eviction({ key, group }: Slot, reason: EvictReason): Eviction {
  return { key, group: group.name, reason };
}

/**
 * An entry that nobody else can change, whose body has memory of its own: a small Buffer is often a view of a shared
 * block, and would keep all of it alive.
 */
function ownEntry({ body, storedAt, ttlMs }: CacheEntry): CacheEntry {
  const whole = body.length === body.buffer.byteLength;
  return Object.freeze({ body: whole ? body : copyOf(body), storedAt, ttlMs });
}

function copyOf(body: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(body.length);
  body.copy(copy);
  return copy;
}
