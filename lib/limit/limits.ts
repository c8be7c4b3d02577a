import type { AcquireOptions, Permit, PermitSource } from './permit';

/**
 * Several limits as one, such as those of a tool, its server and the router.
 *
 * Permits are acquired from the narrowest limit to the widest: a call that waits for its tool holds nothing that calls of
 * other tools could use. The fixed order excludes deadlocks.
 */
export class Limits implements PermitSource {
  readonly #narrowestFirst: readonly PermitSource[];

  constructor(narrowestFirst: readonly PermitSource[]) {
    this.#narrowestFirst = [...narrowestFirst];
  }

  /** A permit of every limit if all are free now; otherwise none of any. */
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
    return joint(held);
  }

  /**
   * Waits for a permit of every limit. Rejects like the limit that refused, or with the reason of the signal, after the
   * permits acquired so far have been released.
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
    return joint(held);
  }
}

/** Several permits as one. */
function joint(permits: readonly Permit[]): Permit {
  const waitedMs = permits.reduce((sum, permit) => sum + permit.waitedMs, 0);
  return { waitedMs, release: () => releaseAll(permits) };
}

function releaseAll(permits: readonly Permit[]): void {
  for (const permit of permits) permit.release();
}
