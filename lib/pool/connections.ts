import type { PooledConnection } from './pooled-connection';
import type { PoolResource } from './resource';

/** The connections of a pool, the oldest first. */
export class Connections<R extends PoolResource> {
  readonly #members: PooledConnection<R>[] = [];
  readonly #maxInFlight: number;

  /** @param maxInFlight - calls on one connection at a time */
  constructor(maxInFlight: number) {
    this.#maxInFlight = maxInFlight;
  }

  /** All connections; the same list for ever, which changes as they come and go. */
  get members(): readonly PooledConnection<R>[] {
    return this.#members;
  }

  /** How many take calls. */
  get open(): number {
    return this.#count((member) => member.state === 'open');
  }

  /** How many have calls. */
  get busy(): number {
    return this.#count((member) => member.leases.size > 0);
  }

  /** Where the next call goes: to the fewest in flight, among equals to the oldest; `undefined` when all are full. */
  leastBusy(): PooledConnection<R> | undefined {
    let best: PooledConnection<R> | undefined;
    let fewest = this.#maxInFlight;
    for (const member of this.#members) {
      const inFlight = member.leases.size;
      if (inFlight >= fewest || member.state !== 'open' || member.connection.closed) continue;
      if (inFlight === 0) return member;
      best = member;
      fewest = inFlight;
    }
    return best;
  }

  add(member: PooledConnection<R>): void {
    this.#members.push(member);
  }

  /** Takes a member out; `false` when it was out already. */
  remove(member: PooledConnection<R>): boolean {
    const index = this.#members.indexOf(member);
    if (index < 0) return false;
    this.#members.splice(index, 1);
    member.state = 'gone';
    return true;
  }

  #count(matches: (member: PooledConnection<R>) => boolean): number {
    return this.#members.reduce((count, member) => (matches(member) ? count + 1 : count), 0);
  }
}
