import type { CacheEntry, CacheStore, Found, Generation, StoreInit } from '../../lib/cache/store';

/** A store that answers by promises only, in the order it was asked, as a database on one connection does. */
export class AsyncStore implements CacheStore {
  readonly #init: Pick<StoreInit, 'maxEntryBytes'>;
  readonly #entries = new Map<string, CacheEntry & { readonly group: string }>();
  readonly #dropped = new Map<string, number>();
  readonly #unsettledUntil = new Map<string, number>();
  #cleared = 0;
  #closed = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(init: Pick<StoreInit, 'maxEntryBytes'>) {
    this.#init = init;
  }

  find(key: string, group: string): Promise<Found> {
    return this.#inOrder(() => ({ entry: this.#find(key), generation: this.#generation(group) }));
  }

  set(key: string, entry: CacheEntry, group: string, generation?: Generation): Promise<boolean> {
    return this.#inOrder(() => {
      if (this.#closed || (generation !== undefined && generation !== this.#generation(group))) return false;
      if (isOver(entry)) return false;
      this.#entries.delete(key);
      if (entry.body.length > this.#init.maxEntryBytes) return false;
      this.#entries.set(key, { ...entry, group });
      return true;
    });
  }

  delete(key: string): Promise<boolean> {
    return this.#inOrder(() => this.#entries.delete(key));
  }

  generation(group: string): Promise<number | undefined> {
    return this.#inOrder(() => this.#generation(group));
  }

  dropGroup(group: string, unsettledMs = 0): Promise<void> {
    return this.#inOrder(() => {
      this.#unsettledUntil.set(group, Math.max(this.#unsettledUntil.get(group) ?? 0, Date.now() + unsettledMs));
      this.#dropped.set(group, (this.#dropped.get(group) ?? 0) + 1);
      for (const [key, entry] of this.#entries) if (entry.group === group) this.#entries.delete(key);
    });
  }

  clear(): Promise<void> {
    return this.#inOrder(() => {
      this.#cleared++;
      this.#entries.clear();
    });
  }

  close(): Promise<void> {
    return this.#inOrder(() => {
      this.#closed = true;
      this.#entries.clear();
    });
  }

  #find(key: string): CacheEntry | undefined {
    const found = this.#entries.get(key);
    if (!found || isOver(found)) return undefined;
    const { body, storedAt, ttlMs } = found;
    return { body, storedAt, ttlMs };
  }

  #generation(group: string): number | undefined {
    if ((this.#unsettledUntil.get(group) ?? 0) > Date.now()) return undefined;
    return this.#cleared + (this.#dropped.get(group) ?? 0);
  }

  #inOrder<T>(act: () => T): Promise<T> {
    const result = this.#last.then(act);
    this.#last = result;
    return result;
  }
}

function isOver({ storedAt, ttlMs }: CacheEntry): boolean {
  return ttlMs !== undefined && storedAt + ttlMs <= Date.now();
}
