/** What an item carries to be in one {@link LinkedList}. */
export interface ListNode<T> {
  previous: T | undefined;
  next: T | undefined;
}

/** A list of items in the order they came, from whose middle one is taken out as fast as from its ends. */
export class LinkedList<T extends ListNode<T>> {
  #first: T | undefined;
  #last: T | undefined;
  #size = 0;

  /** The item that came first of those still here. */
  get first(): T | undefined {
    return this.#first;
  }

  /** How many items are here. */
  get size(): number {
    return this.#size;
  }

  /** Adds an item that is in no chain. */
  append(item: T): void {
    item.previous = this.#last;
    if (this.#last) this.#last.next = item;
    else this.#first = item;
    this.#last = item;
    this.#size++;
  }

  /** Takes out an item that is in this chain. */
  remove(item: T): void {
    if (item.previous) item.previous.next = item.next;
    else this.#first = item.next;
    if (item.next) item.next.previous = item.previous;
    else this.#last = item.previous;
    item.previous = undefined;
    item.next = undefined;
    this.#size--;
  }
}
