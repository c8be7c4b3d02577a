import { LinkedList, type ListNode } from '../util/linked-list';
import type { CacheEntry } from '../cache/store';
import { ownBuffer } from '../util/own-buffer';
import type { PubSub } from './pub-sub';
import { TOKEN_LENGTH } from './scripts';

/** The size of an entry besides its key and body. */
const ENTRY_OVERHEAD = 500;

/** An entry from Redis. */
export interface RemoteEntry {
  readonly entry: CacheEntry;
  /** Its unique tag in Redis: its generation and a token. */
  readonly tag: string;
  /** When it was requested, on the clock of `performance.now()`. */
  readonly askedAt: number;
}

/** An entry in the memory of this process. */
export interface LocalEntry extends RemoteEntry, ListNode<LocalEntry> {
  readonly key: string;
  readonly generation: string;
  askedAt: number;
}

/** An LRU cache in the memory of this process. The tag of an entry tells whether it is still valid. */
export class LocalTier {
  readonly #bounds: { readonly maxSize: number; readonly maxBytes: number };
  readonly #entries = new Map<string, LocalEntry>();
  readonly #recency = new LinkedList<LocalEntry>();
  #bytes = 0;
  #drops = 0;

  constructor(bounds: { readonly maxSize: number; readonly maxBytes: number }) {
    this.#bounds = bounds;
  }

  get drops(): number {
    return this.#drops;
  }

  get(key: string): LocalEntry | undefined {
    const local = this.#entries.get(key);
    if (local) this.#recency.touch(local);
    return local;
  }

  /**
   * Adds an entry, unless there is a younger one by now.
   *
   * @param drops - {@link drops} before the request to Redis: after a later drop, the entry may be out of date
   */
  add(key: string, { entry, tag, askedAt }: RemoteEntry, drops: number): void {
    if (drops !== this.#drops || this.#entries.has(key)) return;
    const generation = tag.slice(0, TOKEN_LENGTH);
    const own = { ...entry, body: ownBuffer(entry.body) };
    const local: LocalEntry = { key, entry: own, tag, generation, askedAt, previous: undefined, next: undefined };
    if (bytesOf(local) > this.#bounds.maxBytes) return;
    this.#entries.set(key, local);
    this.#recency.append(local);
    this.#bytes += bytesOf(local);
    while (this.#entries.size > this.#bounds.maxSize || this.#bytes > this.#bounds.maxBytes) {
      this.remove((this.#recency.first as LocalEntry).key);
    }
  }

  remove(key: string): void {
    const local = this.#entries.get(key);
    if (!local) return;
    this.#entries.delete(key);
    this.#recency.remove(local);
    this.#bytes -= bytesOf(local);
  }

  /** Drops an entry: results of earlier requests to Redis are not added any more. */
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

function bytesOf({ key, entry }: LocalEntry): number {
  return key.length + entry.body.length + ENTRY_OVERHEAD;
}

/**
 * Decides by `maxStaleMs` whether a local entry may be served without asking Redis: if it was requested recently, and after
 * the last write that this instance knows of.
 */
export class MaxStale {
  readonly #maxStaleMs: number;
  readonly #pubSub: PubSub;
  /** When groups were dropped, on the clock of `performance.now()`. */
  readonly #droppedAt = new Map<string, number>();
  #allDroppedAt = -Infinity;

  constructor(maxStaleMs: number, pubSub: PubSub) {
    this.#maxStaleMs = maxStaleMs;
    this.#pubSub = pubSub;
    pubSub.listen((message) => {
      if (message.startsWith('d:')) this.#recordDrop(message.slice(2));
    });
  }

  /** Whether an entry of a group that was requested at this time may be served. */
  isRecent(name: string, askedAt: number): boolean {
    const droppedAt = Math.max(this.#allDroppedAt, this.#droppedAt.get(name) ?? -Infinity);
    return askedAt > droppedAt && performance.now() - askedAt < this.#maxStaleMs;
  }

  /** To be called when a group has been dropped here: informs the other instances. */
  dropped(name: string): void {
    this.#recordDrop(name);
    this.#pubSub.publish(`d:${name}`);
  }

  /** To be called when all groups have been dropped. */
  allDropped(): void {
    this.#droppedAt.clear();
    this.#allDroppedAt = performance.now();
  }

  #recordDrop(name: string): void {
    this.#droppedAt.set(name, performance.now());
  }
}
