import type { Eviction, EvictReason, StoreBounds, Strategy } from '../../lib/cache/store';

interface Entry {
  readonly key: string;
  readonly group: string;
  readonly text: string;
  readonly bytes: number;
  readonly expiresAt: number;
  readonly serial: number;
}

/** What a memory store must do, written without a thought for speed: one array, the least recently used first. */
export class StoreModel {
  entries: Entry[] = [];
  readonly evictions: Eviction[] = [];
  #serial = 0;
  readonly #strategy: Strategy;
  readonly #bounds: StoreBounds;

  constructor(strategy: Strategy, bounds: StoreBounds) {
    this.#strategy = strategy;
    this.#bounds = bounds;
  }

  get bytes(): number {
    return this.entries.reduce((sum, entry) => sum + entry.bytes, 0);
  }

  get(key: string, now: number): string | undefined {
    const found = this.#live(key, now);
    if (found && this.#strategy !== 'ttl') this.entries = [...this.entries.filter((entry) => entry !== found), found];
    return found?.text;
  }

  set(key: string, text: string, ttlMs: number | undefined, group: string, overhead: number, now: number): boolean {
    const older = this.#live(key, now);
    const bytes = key.length + text.length + overhead;
    if (text.length > this.#bounds.maxEntryBytes || bytes > this.#bounds.maxBytes) {
      if (older) this.#evict(older, 'bytes');
      return false;
    }
    this.entries = this.entries.filter((entry) => entry !== older);
    while (this.entries.length >= this.#bounds.maxSize || this.bytes + bytes > this.#bounds.maxBytes) {
      const byExpiry = [...this.entries].sort((a, b) =>
        a.expiresAt === b.expiresAt ? a.serial - b.serial : a.expiresAt - b.expiresAt,
      );
      const [soonest] = byExpiry;
      const [oldest] = this.entries;
      const over = soonest && soonest.expiresAt <= now;
      const victim = over || this.#strategy === 'ttl' ? soonest : oldest;
      const reason = this.entries.length >= this.#bounds.maxSize ? 'size' : 'bytes';
      if (victim) this.#evict(victim, over ? 'expired' : reason);
    }
    const expiresAt = ttlMs === undefined ? Infinity : now + ttlMs;
    this.entries.push({ key, group, text, bytes, expiresAt, serial: this.#serial++ });
    return true;
  }

  delete(key: string, now: number): boolean {
    const found = this.#live(key, now);
    if (found) this.#evict(found, 'deleted');
    return found !== undefined;
  }

  dropGroup(group: string, now: number): void {
    for (const entry of this.entries) if (entry.group === group) this.#evict(entry, 'invalidated');
    for (const entry of this.entries) if (entry.expiresAt <= now) this.#evict(entry, 'expired');
  }

  clear(): void {
    for (const entry of this.entries) this.#evict(entry, 'deleted');
  }

  #live(key: string, now: number): Entry | undefined {
    const found = this.entries.find((entry) => entry.key === key);
    if (!found || found.expiresAt > now) return found;
    this.#evict(found, 'expired');
    return undefined;
  }

  #evict(gone: Entry, reason: EvictReason): void {
    this.entries = this.entries.filter((entry) => entry !== gone);
    this.evictions.push({ key: gone.key, group: gone.group, reason });
  }
}
