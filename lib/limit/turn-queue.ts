import { LinkedList, type ListNode } from '../util/linked-list';

/** An item of a {@link TurnQueue}; only the queue writes to its fields. */
export interface QueueItem<T extends QueueItem<T>> extends ListNode<T> {
  line: Line<T> | undefined;
}

/**
 * A queue that serves principals in turn, and the items of each first come, first served. Items without a principal are those
 * of one. Every operation is O(1).
 */
export class TurnQueue<T extends QueueItem<T>> {
  readonly #lines = new Map<string | undefined, Line<T>>();
  /** The lines in the order of their turns. */
  readonly #turns = new LinkedList<Line<T>>();
  /** The lines with n items at index n - 1. The last list is never empty. */
  readonly #byLength: LinkedList<Rank<T>>[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds an item, which must be in no queue. */
  append(item: T, principal: string | undefined): void {
    let line = this.#lines.get(principal);
    if (!line) {
      line = new Line(principal);
      this.#lines.set(principal, line);
      this.#turns.append(line);
    }
    item.line = line;
    this.#resize(line, () => line.items.append(item));
    this.#size++;
  }

  /** Removes an item, which must be in this queue. */
  remove(item: T): void {
    const line = item.line as Line<T>;
    item.line = undefined;
    this.#resize(line, () => line.items.remove(item));
    this.#size--;
    if (line.items.size > 0) return;
    this.#lines.delete(line.principal);
    this.#turns.remove(line);
  }

  /** Removes and returns the oldest item of the principal whose turn it is. */
  shift(): T | undefined {
    const line = this.#turns.first;
    const item = line?.items.first;
    if (!line || !item) return undefined;
    this.#turns.touch(line);
    this.remove(item);
    return item;
  }

  /** The newest item of the principal with the most, if it has more than `principal`. */
  newestBeyond(principal: string | undefined): T | undefined {
    const longest = this.#byLength.at(-1)?.first?.line.items;
    const own = this.#lines.get(principal)?.items.size ?? 0;
    return longest && longest.size > own ? longest.last : undefined;
  }

  /** A length changes by one, so that the longest is always known. */
  #resize({ items, rank }: Line<T>, change: () => void): void {
    this.#byLength[items.size - 1]?.remove(rank);
    change();
    if (items.size > 0) (this.#byLength[items.size - 1] ??= new LinkedList()).append(rank);
    if (this.#byLength.at(-1)?.size === 0) this.#byLength.pop();
  }
}

/** The items of one principal. */
export class Line<T extends QueueItem<T>> implements ListNode<Line<T>> {
  readonly items = new LinkedList<T>();
  readonly rank: Rank<T> = { line: this, previous: undefined, next: undefined };
  previous: Line<T> | undefined;
  next: Line<T> | undefined;

  constructor(readonly principal: string | undefined) {}
}

/** The place of a line among those of its length. */
interface Rank<T extends QueueItem<T>> extends ListNode<Rank<T>> {
  readonly line: Line<T>;
}
