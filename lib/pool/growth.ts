import type { PooledConnection } from './pooled-connection';
import type { PoolResource } from './resource';

const LONGEST_TICK_MS = 1_000;

/**
 * Tells when a pool should grow: every connection is busy and has been at its oldest call for too long.
 *
 * Age is counted in ticks of half the time allowed, or of a second, and the clock ticks only while a call is in flight. So a
 * lease needs no look at the system's clock, and however long this process itself is held up, that is one tick: calls whose
 * answers lie unread in a socket do not pass for slow ones.
 */
export class Growth<R extends PoolResource> {
  readonly #connections: readonly PooledConnection<R>[];
  readonly #growAfterMs: number;
  readonly #tickMs: number;
  readonly #grow: (strainedMs: number) => void;
  #tick = 0;
  #strainedTicks = 0;
  #ticking = false;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param connections - the pool's own list, read at each tick
   * @param grow - is told for how long there has been no tick without need, in milliseconds
   */
  constructor(connections: readonly PooledConnection<R>[], growAfterMs: number, grow: (strainedMs: number) => void) {
    this.#connections = connections;
    this.#growAfterMs = growAfterMs;
    this.#tickMs = Math.min(Math.ceil(growAfterMs / 2), LONGEST_TICK_MS);
    this.#grow = grow;
  }

  /** The tick that a lease given now belongs to; the clock goes on until no lease is left. */
  watch(): number {
    if (!this.#ticking) this.#start();
    return this.#tick;
  }

  /** Whether all of these that take calls are busy, and have been at their oldest for too long. */
  isStrained(connections: readonly PooledConnection<R>[]): boolean {
    const open = connections.filter((pooled) => pooled.state === 'open');
    return (
      open.length > 0 && open.every(({ leases: { first } }) => first && this.#isPast(first.tick, this.#growAfterMs))
    );
  }

  /** Whether `ms` have passed since a moment in `tick`. That tick had begun before, so only later, whole ones count. */
  #isPast(tick: number, ms: number): boolean {
    return (this.#tick - tick - 1) * this.#tickMs >= ms;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#ticking = false;
  }

  #start(): void {
    this.#ticking = true;
    if (this.#timer) this.#timer.refresh();
    else this.#timer = setTimeout(() => this.#onTick(), this.#tickMs).unref();
  }

  #onTick(): void {
    this.#tick++;
    this.#ticking = false;
    const isBusy = this.#connections.some((pooled) => pooled.leases.size > 0);
    if (isBusy) this.#start();
    this.#strainedTicks = isBusy && this.isStrained(this.#connections) ? this.#strainedTicks + 1 : 0;
    if (this.#strainedTicks > 0) this.#grow(this.#strainedTicks * this.#tickMs);
  }
}
