import NodeCache from 'node-cache';
import { ownBuffer } from '../util/own-buffer';
import { SlotIndex, type Slot } from './slot-index';
import type { CacheEntry, CacheStore, EvictReason, Eviction, Found, Generation, StoreInit } from './store';

/** The size of an entry besides its key and body on Node 20: some 530 bytes of heap, and its buffer's own off the heap. */
const ENTRY_OVERHEAD = 900;
const CLEAN_UP_INTERVAL_MS = 10_000;
/** Entries removed per turn of the event loop: about a millisecond. */
const CLEAN_UP_SLICE = 1_000;

/**
 * A {@link CacheStore} in this process: node-cache holds the entries, a {@link SlotIndex} bounds them.
 *
 * When it is full, expired entries are evicted first, then others by strategy. A clean-up every ten seconds removes
 * expired entries and those of dropped groups, in slices: node-cache's own clean-up of 100,000 entries blocks for 40 ms.
 * Until then they count, but are not found.
 */
export class MemoryStore implements CacheStore {
  readonly #init: StoreInit;
  // Without its own `maxKeys`, which also refuses to replace an entry (node-cache 5.1.2).
  readonly #cache = new NodeCache({ useClones: false, checkperiod: 0 });
  readonly #index = new SlotIndex();
  #evicted: Eviction[] = [];
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(init: StoreInit) {
    this.#init = init;
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
    this.#notify();
    return { entry: slot?.entry, generation: this.#index.generation(group) };
  }

  set(key: string, entry: CacheEntry, group: string, generation?: Generation): boolean {
    if (this.#closed || (generation !== undefined && generation !== this.generation(group))) return false;
    const leftMs = timeLeft(entry);
    if (!(leftMs > 0)) return false;
    const replaced = this.#find(key);
    const bytes = key.length + entry.body.length + ENTRY_OVERHEAD;
    const fits = entry.body.length <= this.#init.maxEntryBytes && bytes <= this.#init.maxBytes;
    if (fits) {
      if (replaced) this.#index.remove(replaced);
      this.#makeRoom(bytes);
      const kept = Object.freeze({ ...entry, body: ownBuffer(entry.body) });
      this.#keep(this.#index.add(key, kept, group, bytes, performance.now() + leftMs));
    } else if (replaced) {
      // The newer result has been seen by a caller: the older one must not be found after it.
      this.#evict(replaced, 'bytes');
    }
    this.#notify();
    return fits;
  }

  delete(key: string): boolean {
    const slot = this.#find(key);
    if (slot) this.#evict(slot, 'deleted');
    this.#notify();
    return slot !== undefined;
  }

  generation(group: string): Generation | undefined {
    return this.#index.generation(group);
  }

  dropGroup(group: string, unsettledMs = 0, write?: string): void {
    this.#index.drop(group, performance.now() + unsettledMs, write);
    this.#cleanUp();
  }

  clear(): void {
    this.#evicted = this.#removeAll().map((slot) => eviction(slot, 'deleted'));
    this.#notify();
  }

  close(): void {
    this.#closed = true;
    this.#removeAll();
    this.#cache.close();
  }

  #find(key: string): Slot | undefined {
    const slot = this.#cache.get<Slot>(key);
    if (!slot) return undefined;
    const isExpired = slot.expiresAt <= performance.now();
    if (!isExpired && !slot.group.dropped) return slot;
    this.#evict(slot, isExpired ? 'expired' : 'invalidated');
    return undefined;
  }

  #makeRoom(bytes: number): void {
    for (;;) {
      const tooMany = this.#index.size >= this.#init.maxSize;
      if (!tooMany && this.#index.bytes + bytes <= this.#init.maxBytes) return;
      if (!this.#evictOutdated()) this.#evict(this.#victim(), tooMany ? 'size' : 'bytes');
    }
  }

  /** Evicts one expired or dropped entry; `false` if there is none. */
  #evictOutdated(): boolean {
    const dropped = this.#index.takeDropped();
    if (dropped) {
      this.#evict(dropped, 'invalidated');
      return true;
    }
    const next = this.#index.nextToExpire;
    if (!next || next.expiresAt > performance.now()) return false;
    this.#evict(next, 'expired');
    return true;
  }

  /** The entry to evict by strategy. In `ttl`, entries that never expire come last, the oldest first. */
  #victim(): Slot {
    const first = this.#init.strategy === 'ttl' ? this.#index.nextToExpire : undefined;
    return first ?? (this.#index.leastRecent as Slot);
  }

  #keep(slot: Slot): void {
    // Without a lifetime of node-cache's, which goes by the wall clock: that may be set back.
    this.#cache.set(slot.key, slot);
    if (slot.expiresAt !== Infinity && !this.#timer) this.#cleanUpIn(CLEAN_UP_INTERVAL_MS);
  }

  #evict(slot: Slot, reason: EvictReason): void {
    this.#cache.del(slot.key);
    this.#index.remove(slot);
    this.#evicted.push(eviction(slot, reason));
  }

  /** The listener may use the store, so it is called last, when the store is consistent. */
  #notify(): void {
    for (const evicted of this.#evicted.splice(0)) this.#init.onEvict(evicted);
  }

  #removeAll(): Slot[] {
    this.#stopCleanUp();
    this.#cache.flushAll();
    return this.#index.clear();
  }

  #cleanUp(): void {
    this.#stopCleanUp();
    let left = CLEAN_UP_SLICE;
    while (left > 0 && this.#evictOutdated()) left--;
    if (left === 0) this.#cleanUpIn(0);
    else if (this.#index.nextToExpire) this.#cleanUpIn(CLEAN_UP_INTERVAL_MS);
    this.#notify();
  }

  #cleanUpIn(delayMs: number): void {
    this.#timer = setTimeout(() => this.#cleanUp(), delayMs).unref();
  }

  #stopCleanUp(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** In milliseconds; never longer than its lifetime, whatever clock it was stored by. */
function timeLeft({ storedAt, ttlMs = Infinity }: CacheEntry): number {
  return Math.min(ttlMs, storedAt + ttlMs - Date.now());
}

function eviction({ key, group }: Slot, reason: EvictReason): Eviction {
  return { key, group: group.name, reason };
}
