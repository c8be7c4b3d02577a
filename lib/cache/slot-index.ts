import { ExpiryHeap, type Expiring } from './expiry-heap';
import { LinkedList, type ListNode } from '../util/linked-list';
import type { CacheEntry } from './store';

/** The unit of invalidation. */
interface Group {
  readonly name: string;
  readonly generation: number;
  /** Until these times, on the clock of `performance.now()`, the group has no generation. By write. */
  readonly unsettled: ReadonlyMap<string, number>;
  readonly slots: Set<Slot>;
  /** Whether its entries are only waiting to be removed. Another group has its name by then. */
  dropped: boolean;
}

/** An entry with its links in the indexes. */
export interface Slot extends ListNode<Slot>, Expiring {
  readonly key: string;
  readonly entry: CacheEntry;
  readonly group: Group;
  readonly bytes: number;
}

const SETTLED: ReadonlyMap<string, number> = new Map();

function isUnsettled({ unsettled }: Group): boolean {
  if (unsettled.size === 0) return false;
  const now = performance.now();
  return [...unsettled.values()].some((until) => until > now);
}

/** The entries of a store by recency, expiry and group, with their number and size. */
export class SlotIndex {
  readonly #recency = new LinkedList<Slot>();
  readonly #expiry = new ExpiryHeap<Slot>();
  readonly #groups = new Map<string, Group>();
  // Iterators: to find the first item of a Set anew steps over all deleted ones each time.
  #dropped: IterableIterator<Slot>[] = [];
  #size = 0;
  #bytes = 0;
  #sequence = 0;
  #cleared = 0;

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get leastRecent(): Slot | undefined {
    return this.#recency.first;
  }

  /** The next entry to expire, the older of equals; never one without an expiry. */
  get nextToExpire(): Slot | undefined {
    return this.#expiry.first;
  }

  /** The next entry of a dropped group, for the caller to remove; `undefined` when there are no more. */
  takeDropped(): Slot | undefined {
    for (;;) {
      const slots = this.#dropped[0];
      if (!slots) return undefined;
      const next = slots.next();
      if (!next.done) return next.value;
      this.#dropped.shift();
    }
  }

  /** Adds an entry. There must be none with its key. */
  add(key: string, entry: CacheEntry, groupName: string, bytes: number, expiresAt: number): Slot {
    const group = this.#group(groupName);
    const sequence = this.#sequence++;
    const slot = { key, entry, group, bytes, expiresAt, sequence, place: -1, previous: undefined, next: undefined };
    this.#recency.append(slot);
    if (expiresAt !== Infinity) this.#expiry.add(slot);
    group.slots.add(slot);
    this.#size++;
    this.#bytes += bytes;
    return slot;
  }

  remove(slot: Slot): void {
    const { group } = slot;
    this.#recency.remove(slot);
    this.#expiry.remove(slot);
    group.slots.delete(slot);
    this.#removeIfUnused(group);
    this.#size--;
    this.#bytes -= slot.bytes;
  }

  touch(slot: Slot): void {
    this.#recency.touch(slot);
  }

  /** Grows whenever the group is dropped or all is cleared; `undefined` while the group is unsettled. */
  generation(groupName: string): number | undefined {
    const group = this.#groups.get(groupName);
    if (!group) return this.#cleared;
    return isUnsettled(group) ? undefined : this.#cleared + group.generation;
  }

  /**
   * Starts the next generation of a group. Its entries are invalid from now on; {@link takeDropped} returns them.
   *
   * @param settledFrom - before that time, the group has no generation; replaces that of an earlier drop by the same write
   */
  drop(groupName: string, settledFrom: number, write?: string): void {
    const group = this.#groups.get(groupName);
    const generation = (group?.generation ?? 0) + 1;
    const now = performance.now();
    const unsettled = new Map([...(group?.unsettled ?? [])].filter(([, until]) => until > now));
    if (write === undefined) unsettled.set('', Math.max(settledFrom, unsettled.get('') ?? 0));
    else unsettled.set(write, settledFrom);
    this.#groups.set(groupName, { name: groupName, generation, unsettled, slots: new Set(), dropped: false });
    if (!group || group.slots.size === 0) return;
    group.dropped = true;
    this.#dropped.push(group.slots.values());
  }

  /** Removes all entries and starts the next generation of every group. */
  clear(): Slot[] {
    this.#cleared++;
    const slots: Slot[] = [];
    for (const dropped of this.#dropped) for (const slot of dropped) slots.push(slot);
    this.#dropped = [];
    for (const group of this.#groups.values()) {
      for (const slot of group.slots) slots.push(slot);
      group.slots.clear();
      this.#removeIfUnused(group);
    }
    this.#recency.clear();
    this.#expiry.clear();
    this.#size = 0;
    this.#bytes = 0;
    return slots;
  }

  #group(name: string): Group {
    let group = this.#groups.get(name);
    if (!group) {
      group = { name, generation: 0, unsettled: SETTLED, slots: new Set(), dropped: false };
      this.#groups.set(name, group);
    }
    return group;
  }

  #removeIfUnused(group: Group): void {
    if (group.slots.size === 0 && group.generation === 0 && !group.dropped) this.#groups.delete(group.name);
  }
}
