import type { Cancellation } from '../util/cancellation';

/** The right to run one call, until it is released. */
export interface Permit {
  /** How long its holder waited, in milliseconds. */
  readonly waitedMs: number;
  /** Releases the permit. Only the first call counts. */
  release(): void;
}

/** Options of one caller. */
export interface AcquireOptions {
  /** Aborts the waiting: `acquire()` rejects with its reason. */
  readonly signal?: Cancellation | undefined;
  /** Who calls. Those who wait are served in turn by principal. @defaultValue anonymous: all such callers are one principal */
  readonly principal?: string | undefined;
}

/** A source of permits: a limiter, or several as one. */
export interface PermitSource {
  /** A permit if one is free and no call waits, without a promise. */
  tryAcquire(): Permit | undefined;
  /** Waits for a permit, in turn by principal. */
  acquire(options?: AcquireOptions): Promise<Permit>;
}

/** A permit of one limiter. */
export class OnePermit implements Permit {
  readonly waitedMs: number;
  #onRelease: (() => void) | undefined;

  constructor(waitedMs: number, onRelease: () => void) {
    this.waitedMs = waitedMs;
    this.#onRelease = onRelease;
  }

  release(): void {
    const onRelease = this.#onRelease;
    this.#onRelease = undefined;
    onRelease?.();
  }
}
