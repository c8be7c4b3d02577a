import type { PooledConnection } from './pooled-connection';
import type { PoolResource } from './resource';

/** The age of a call is of use to others too, who need it to a second or so. */
const LONGEST_BEAT_MS = 1_000;

/**
 * Tells when a pool should grow: every connection is busy and has been at its oldest call for too long.
 *
 * Age is counted in beats of half the time allowed or a second, and the pulse beats only while a call is in flight. A lease so
 * costs no look at the clock, and however long this process itself is held up, that is one beat: calls whose answers
 * lie unread in a socket do not pass for slow ones.
 */
export class Growth<R extends PoolResource> {
  readonly #members: readonly PooledConnection<R>[];
  readonly #growAfterMs: number;
  readonly #beatMs: number;
  readonly #grow: () => void;
  #beat = 0;
  #beating = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param members - the pool's own list, read at each beat */
  constructor(members: readonly PooledConnection<R>[], growAfterMs: number, grow: () => void) {
    this.#members = members;
    this.#growAfterMs = growAfterMs;
    this.#beatMs = Math.min(Math.ceil(growAfterMs / 2), LONGEST_BEAT_MS);
    this.#grow = grow;
  }

  /** The beat that a lease given now belongs to; the pulse goes on until no lease is left. */
  watch(): number {
    if (!this.#beating) this.#start();
    return this.#beat;
  }

  /** The beat now. */
  get beat(): number {
    return this.#beat;
  }

  /** Whether a member has given no answer for at least `ms` milliseconds in which there were calls, to a beat. */
  isSilent(member: PooledConnection<R>, ms: number): boolean {
    return this.#isPast(member.heardBeat, ms);
  }

  /** Whether all of these that take calls are busy, and have been at their oldest for too long. */
  isStrained(members: readonly PooledConnection<R>[]): boolean {
    const open = members.filter((member) => member.state === 'open');
    return (
      open.length > 0 && open.every(({ leases: { first } }) => first && this.#isPast(first.beat, this.#growAfterMs))
    );
  }

  /** Whether `ms` milliseconds have passed since something: its beat had begun before it, so that only whole ones count. */
  #isPast(beat: number, ms: number): boolean {
    return (this.#beat - beat - 1) * this.#beatMs >= ms;
  }

  /** Ends the pulse. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#beating = false;
  }

  #start(): void {
    this.#beating = true;
    if (this.#timer) this.#timer.refresh();
    else this.#timer = setTimeout(() => this.#onBeat(), this.#beatMs).unref();
  }

  #onBeat(): void {
    this.#beat++;
    this.#beating = false;
    if (!this.#members.some((member) => member.leases.size > 0)) return;
    this.#start();
    if (this.isStrained(this.#members)) this.#grow();
  }
}
