import { LinkedList, type ListNode } from '../util/linked-list';
import type { Lease, PoolResource } from './resource';

/** A connection in the pool, with the calls it is at. */
export class PooledConnection<R extends PoolResource> {
  readonly connection: R;
  /** The leases that are out, the oldest first. */
  readonly leases = new LinkedList<PooledLease<R>>();
  /**
   * `open` takes calls; `retiring` does not answer, takes no more and is closed with the last it has; `gone` has left
   * the pool.
   */
  state: 'open' | 'retiring' | 'gone' = 'open';
  /** Whether it has ever answered: a call that ended while it lived, or a ping. */
  proven = false;
  /** Whether it has answered since the last health check. */
  hasAnswered = false;
  /** The messages that it had received by the last health check or the answer to the last ping. */
  received: number | undefined;
  pinged = false;
  /** Whether a call on it was refused because it is of no more use. */
  isKnownLost = false;
  /** Whether it was pinged and has not answered since: others come first. */
  isSuspect = false;
  /** Since when it has had no call, on the clock of `performance.now()`; means nothing while it has one. */
  idleSince = performance.now();

  constructor(connection: R) {
    this.connection = connection;
    this.received = connection.received;
  }
}

/** A lease that knows its connection and its place among the leases of it. */
export class PooledLease<R extends PoolResource> implements Lease<R>, ListNode<PooledLease<R>> {
  readonly pooled: PooledConnection<R>;
  /** The tick of the pool's growth in which it was given. */
  readonly tick: number;
  /** Whether its call has failed: that is no sign of life. */
  hasFailed = false;
  /** Whether its call has waited for an answer in vain. */
  isLate = false;
  previous: PooledLease<R> | undefined = undefined;
  next: PooledLease<R> | undefined = undefined;
  #end: ((lease: PooledLease<R>) => void) | undefined;

  constructor(pooled: PooledConnection<R>, tick: number, end: (lease: PooledLease<R>) => void) {
    this.pooled = pooled;
    this.tick = tick;
    this.#end = end;
  }

  get connection(): R {
    return this.pooled.connection;
  }

  release(): void {
    const end = this.#end;
    this.#end = undefined;
    end?.(this);
  }
}
