import { LinkedList, type ListNode } from '../util/linked-list';
import type { CacheEntry } from '../cache/store';
import { TOKEN_LENGTH } from './scripts';

/** What an entry takes beside its key and body. */
const ENTRY_OVERHEAD = 500;

/** An entry as it was in Redis, and when that was known. */
export interface Seen {
  readonly entry: CacheEntry;
  /** What it begins with in Redis, where no other begins so; its generation comes first. */
  readonly head: string;
  /** When Redis was asked, on the clock of `performance.now()`. */
  readonly askedAt: number;
}

/** An entry in this process. */
export interface Near extends Seen, ListNode<Near> {
  readonly key: string;
  readonly generation: string;
  askedAt: number;
}

/** Entries in this process, the least recently used leaving first. Whether one is still good, its head tells. */
export class LocalTier {
  readonly #bounds: { readonly maxSize: number; readonly maxBytes: number };
  readonly #entries = new Map<string, Near>();
  readonly #recency = new LinkedList<Near>();
  #bytes = 0;
  #drops = 0;

  constructor(bounds: { readonly maxSize: number; readonly maxBytes: number }) {
    this.#bounds = bounds;
  }

  /** How often entries have been dropped. */
  get drops(): number {
    return this.#drops;
  }

  get(key: string): Near | undefined {
    const near = this.#entries.get(key);
    if (near) this.#recency.touch(near);
    return near;
  }

  /**
   * Keeps an entry, unless there is one by now: that one is younger.
   *
   * @param drops - {@link drops} before Redis was asked: what it then said may be over after a drop
   */
  add(key: string, { entry, head, askedAt }: Seen, drops: number): void {
    if (drops !== this.#drops || this.#entries.has(key)) return;
    const generation = head.slice(0, TOKEN_LENGTH);
    const near: Near = { key, entry: own(entry), head, generation, askedAt, previous: undefined, next: undefined };
    if (bytesOf(near) > this.#bounds.maxBytes) return;
    this.#entries.set(key, near);
    this.#recency.append(near);
    this.#bytes += bytesOf(near);
    while (this.#entries.size > this.#bounds.maxSize || this.#bytes > this.#bounds.maxBytes) {
      this.remove((this.#recency.first as Near).key);
    }
  }

  /** Gives up an entry, which may be added again. */
  remove(key: string): void {
    const near = this.#entries.get(key);
    if (!near) return;
    this.#entries.delete(key);
    this.#recency.remove(near);
    this.#bytes -= bytesOf(near);
  }

  /** Drops an entry: nothing that Redis was asked for before is added. */
  drop(key: string): void {
    this.#drops += 1;
    this.remove(key);
  }

  clear(): void {
    this.#drops += 1;
    this.#entries.clear();
    this.#recency.clear();
    this.#bytes = 0;
  }
}

/** A small Buffer is often a view of a shared block, and would keep all of it alive. */
function own(entry: CacheEntry): CacheEntry {
  const { body } = entry;
  if (body.length === body.buffer.byteLength) return entry;
  const copy = Buffer.allocUnsafeSlow(body.length);
  body.copy(copy);
  return { ...entry, body: copy };
}

function bytesOf({ key, entry }: Near): number {
  return key.length + entry.body.length + ENTRY_OVERHEAD;
}
