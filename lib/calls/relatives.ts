/** A group of servers of one router, and what becomes of it when something is written. */
export interface Relative {
  /** The {@link addressOf | addresses} of its servers. */
  readonly addresses: ReadonlySet<string>;
  /** The writes with an unknown outcome, by a random name: until when they may take effect, on the clock of `performance.now()`. */
  readonly unsettled: Map<string, number>;
  /** Drops what was read before. Never rejects. */
  readonly drop: () => Promise<void>;
}

// Of all routers of this process: servers at one address have one backing store, whatever they are called.
const byAddress = new Map<string, Set<Relative>>();

/** What of a URL says which server it is: not the user info, which says who calls. */
export function addressOf({ origin, pathname, search }: URL): string {
  return `${origin}${pathname}${search}`;
}

/** The groups that a write of this one may change: itself, and all that it has an address in common with, through others too. */
export function relativesOf(one: Relative): ReadonlySet<Relative> {
  const found = new Set([one]);
  for (const { addresses } of found) {
    for (const address of addresses) for (const relative of byAddress.get(address) ?? []) found.add(relative);
  }
  return found;
}

/** From now on it is told of its relatives' writes. Those whose outcome is unknown are unknown to it too. */
export function addRelative(one: Relative): void {
  for (const address of one.addresses) byAddress.set(address, (byAddress.get(address) ?? new Set()).add(one));
  for (const relative of relativesOf(one)) for (const write of relative.unsettled) one.unsettled.set(...write);
}

/** From now on it is told of nothing. Its own writes are still told to the others. */
export function removeRelative(one: Relative): void {
  for (const address of one.addresses) {
    const relatives = byAddress.get(address);
    relatives?.delete(one);
    if (relatives?.size === 0) byAddress.delete(address);
  }
}
