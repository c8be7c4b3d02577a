import type { Cancellation } from '../util/cancellation';
/** The right to run one call, held until it is given back. */
export interface Permit {
  /** How long the holder waited for it, in milliseconds; 0 when it was free. */
  readonly waitedMs: number;
  /** Gives it back. Only the first time counts. */
  release(): void;
}

/** How one caller waits for a permit. */
export interface AcquireOptions {
  /** The caller gives up when it is aborted: `acquire()` rejects with the signal's reason. */
  readonly signal?: Cancellation | undefined;
}

/** What gives permits: one limiter, or several that must all agree. */
export interface PermitSource {
  /** A permit if one is free now, without a promise. Never overtakes a caller that waits. */
  tryAcquire(): Permit | undefined;
  /** A permit as soon as there is one, in the order of asking. */
  acquire(options?: AcquireOptions): Promise<Permit>;
}

/** A permit that calls `giveBack` at most once. */
export class OnePermit implements Permit {
  readonly waitedMs: number;
  #giveBack: (() => void) | undefined;

  constructor(waitedMs: number, giveBack: () => void) {
    this.waitedMs = waitedMs;
    this.#giveBack = giveBack;
  }

  release(): void {
    const giveBack = this.#giveBack;
    this.#giveBack = undefined;
    giveBack?.();
  }
}
