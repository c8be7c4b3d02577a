import type { AcquireOptions, Permit, PermitSource } from './permit';

/**
 * Several limits for one call, such as those of its tool, its server and the router, taken together and given back
 * together.
 *
 * They are acquired from the narrowest to the widest: a call that waits for its tool holds nothing that calls of other
 * tools could use. As all go the same way, no two calls can wait for each other.
 */
export class Limits implements PermitSource {
  readonly #narrowestFirst: readonly PermitSource[];

  /** @param narrowestFirst - the limits of the tool, of the server, of all; those that exist */
  constructor(narrowestFirst: readonly PermitSource[]) {
    this.#narrowestFirst = [...narrowestFirst];
  }

  /** A permit of every limit if all are free now; otherwise none is held. */
  tryAcquire(): Permit | undefined {
    const held: Permit[] = [];
    for (const limit of this.#narrowestFirst) {
      const permit = limit.tryAcquire();
      if (!permit) {
        releaseAll(held);
        return undefined;
      }
      held.push(permit);
    }
    return new JointPermit(held);
  }

  /**
   * A permit of every limit. Rejects as the limit that refused did, or with the reason of the signal; what was held by
   * then has been given back.
   */
  async acquire(options: AcquireOptions = {}): Promise<Permit> {
    const held: Permit[] = [];
    try {
      for (const limit of this.#narrowestFirst) {
        options.signal?.throwIfAborted();
        held.push(limit.tryAcquire() ?? (await limit.acquire(options)));
      }
    } catch (error) {
      releaseAll(held);
      throw error;
    }
    return new JointPermit(held);
  }
}

class JointPermit implements Permit {
  readonly #permits: readonly Permit[];

  constructor(permits: readonly Permit[]) {
    this.#permits = permits;
  }

  get waitedMs(): number {
    return this.#permits.reduce((sum, permit) => sum + permit.waitedMs, 0);
  }

  release(): void {
    releaseAll(this.#permits);
  }
}

function releaseAll(permits: readonly Permit[]): void {
  for (const permit of permits) permit.release();
}
