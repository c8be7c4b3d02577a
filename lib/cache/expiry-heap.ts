/** An item of an {@link ExpiryHeap}. */
export interface Expiring {
  /** On the clock of `performance.now()`. */
  readonly expiresAt: number;
  /** Orders items that expire at the same time. */
  readonly sequence: number;
  /** The index in the heap, -1 outside. Only the heap writes to it. */
  place: number;
}

/** A binary heap of items by their expiry, with removal anywhere in O(log n). */
export class ExpiryHeap<T extends Expiring> {
  #items: T[] = [];

  get first(): T | undefined {
    return this.#items[0];
  }

  add(item: T): void {
    this.#rise(item, this.#items.length);
  }

  /** Removes an item, if it is in the heap. */
  remove(item: T): void {
    if (item.place < 0) return;
    const place = item.place;
    item.place = -1;
    const last = this.#items.pop() as T;
    if (last === item) return;
    if (place > 0 && before(last, this.#at((place - 1) >> 1))) this.#rise(last, place);
    else this.#sink(last, place);
  }

  clear(): void {
    this.#items = [];
  }

  #rise(item: T, from: number): void {
    let place = from;
    while (place > 0) {
      const parentPlace = (place - 1) >> 1;
      const parent = this.#at(parentPlace);
      if (!before(item, parent)) break;
      this.#put(parent, place);
      place = parentPlace;
    }
    this.#put(item, place);
  }

  #sink(item: T, from: number): void {
    let place = from;
    for (;;) {
      let childPlace = 2 * place + 1;
      if (childPlace >= this.#items.length) break;
      if (childPlace + 1 < this.#items.length && before(this.#at(childPlace + 1), this.#at(childPlace))) childPlace++;
      const child = this.#at(childPlace);
      if (!before(child, item)) break;
      this.#put(child, place);
      place = childPlace;
    }
    this.#put(item, place);
  }

  #put(item: T, place: number): void {
    this.#items[place] = item;
    item.place = place;
  }

  #at(place: number): T {
    return this.#items[place] as T;
  }
}

function before(a: Expiring, b: Expiring): boolean {
  return a.expiresAt < b.expiresAt || (a.expiresAt === b.expiresAt && a.sequence < b.sequence);
}
