import { RecencyList, type Linked } from '../cache/recency-list';
import type { CacheEntry } from '../cache/store';

/** What an entry takes beside its key and body. */
const ENTRY_OVERHEAD = 500;

/** An entry that was read from Redis, or kept there, under a generation. */
export interface Near extends Linked<Near> {
  readonly key: string;
  readonly entry: CacheEntry;
  readonly generation: string;
}

/** Entries in this process, the least recently used leaving first. Whether one is still good, the generation tells. */
export class LocalTier {
  readonly #bounds: { readonly maxSize: number; readonly maxBytes: number };
  readonly #entries = new Map<string, Near>();
  readonly #recency = new RecencyList<Near>();
  #bytes = 0;

  constructor(bounds: { readonly maxSize: number; readonly maxBytes: number }) {
    this.#bounds = bounds;
  }

  get(key: string): Near | undefined {
    const near = this.#entries.get(key);
    if (near) this.#recency.touch(near);
    return near;
  }

  set(key: string, entry: CacheEntry, generation: string): void {
    this.delete(key);
    const near: Near = { key, entry: own(entry), generation, older: undefined, newer: undefined };
    if (bytesOf(near) > this.#bounds.maxBytes) return;
    this.#entries.set(key, near);
    this.#recency.add(near);
    this.#bytes += bytesOf(near);
    while (this.#entries.size > this.#bounds.maxSize || this.#bytes > this.#bounds.maxBytes) {
      this.delete((this.#recency.oldest as Near).key);
    }
  }

  delete(key: string): void {
    const near = this.#entries.get(key);
    if (!near) return;
    this.#entries.delete(key);
    this.#recency.remove(near);
    this.#bytes -= bytesOf(near);
  }

  clear(): void {
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
