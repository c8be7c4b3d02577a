import { Sema } from 'async-sema';
import { McpoError } from '../errors';
import { limiterConfig, permitsFor, type LimiterConfig, type LimiterOptions, type MaxConcurrent } from './options';
import { OnePermit, type AcquireOptions, type Permit, type PermitSource } from './permit';
import { Waiter, WaitQueue } from './queue';

// Neither a full queue nor a long wait says when there will be room; a second keeps callers from hammering.
const RETRY_AFTER_MS = 1_000;

/**
 * Lets at most so many calls run at once; the others wait in a bounded queue, first come first served, each with a
 * deadline and its own abort signal.
 *
 * async-sema hands out the permits. It cannot drop a waiter, so it never knows one: it owes us anonymous permits, and
 * who gets a permit is decided when it comes. A permit owed to a caller that has left serves the next one instead.
 */
export class ConcurrencyLimiter implements PermitSource {
  readonly #config: LimiterConfig;
  readonly #sema: Sema;
  readonly #queue = new WaitQueue();
  readonly #giveBack: () => void;
  #maxConcurrent: number;
  #current = 0;
  #peak = 0;
  // Permits that async-sema still owes us: at least one for each waiter.
  #owed = 0;
  // Permits to be swallowed as they come back, after the limit was lowered.
  #surplus = 0;
  #closed = false;

  /** @throws ConfigError when an option is out of its range */
  constructor(options: LimiterOptions = {}) {
    this.#config = limiterConfig(options);
    this.#maxConcurrent = this.#config.maxConcurrent;
    this.#sema = new Sema(this.#maxConcurrent);
    this.#giveBack = () => {
      this.#current--;
      this.#put();
    };
  }

  /** Calls that hold a permit; for a while above {@link maxConcurrent} after that was lowered. */
  get current(): number {
    return this.#current;
  }

  /** The highest {@link current} so far. */
  get peak(): number {
    return this.#peak;
  }

  /** Calls in the queue. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** The limit now. */
  get maxConcurrent(): number {
    return this.#maxConcurrent;
  }

  /**
   * Changes the limit. Raised, it lets waiting calls in; lowered, running calls end as they are, and new ones wait
   * until fewer than the new limit run.
   *
   * @throws ConfigError when the value is out of its range
   */
  setMaxConcurrent(value: MaxConcurrent): void {
    const permits = permitsFor(value);
    let change = permits - this.#maxConcurrent;
    this.#maxConcurrent = permits;
    for (; change > 0; change--) this.#put();
    for (; change < 0; change++) if (this.#sema.tryAcquire() === undefined) this.#surplus++;
  }

  /** A permit if one is free and nobody waits; no promise is made. Also `undefined` after {@link close}. */
  tryAcquire(): Permit | undefined {
    // A permit may be on its way to a waiter while another is free: the waiter comes first.
    if (this.#closed || this.#queue.size > 0 || this.#sema.tryAcquire() === undefined) return undefined;
    return this.#grant(0);
  }

  /**
   * A permit, at once or after waiting.
   *
   * @throws McpoError MCPO_QUEUE_FULL at once when the queue is full, MCPO_QUEUE_TIMEOUT after `queueTimeoutMs`,
   * MCPO_CLOSING once the limiter is closed; or the reason of the signal
   */
  async acquire({ signal }: AcquireOptions = {}): Promise<Permit> {
    signal?.throwIfAborted();
    const permit = this.tryAcquire();
    if (permit) return permit;
    if (this.#closed) throw this.#closing();
    const { maxQueue, queueTimeoutMs, name } = this.#config;
    if (this.#queue.size >= maxQueue) {
      throw new McpoError('MCPO_QUEUE_FULL', `${name}: ${String(maxQueue)} calls are waiting already`, {
        retryAfterMs: RETRY_AFTER_MS,
      });
    }
    const waiter = new Waiter(
      queueTimeoutMs,
      signal,
      () => {
        this.#queue.remove(place);
        const detail = `${name}: still waiting after ${String(queueTimeoutMs)} ms`;
        waiter.refuse(new McpoError('MCPO_QUEUE_TIMEOUT', detail, { retryAfterMs: RETRY_AFTER_MS }));
      },
      () => {
        this.#queue.remove(place);
        waiter.refuse(signal?.reason);
      },
    );
    const place = this.#queue.push(waiter);
    this.#order();
    return waiter.promise;
  }

  /** Runs `fn` with a permit and gives it back when `fn` has settled. Rejects as {@link acquire} does, or as `fn`. */
  async run<T>(fn: () => T | PromiseLike<T>, options?: AcquireOptions): Promise<T> {
    const permit = await this.acquire(options);
    try {
      return await fn();
    } finally {
      permit.release();
    }
  }

  /** Refuses the waiting calls and all later ones; permits that are held can still be given back. */
  close(): void {
    this.#closed = true;
    for (let waiter = this.#queue.shift(); waiter; waiter = this.#queue.shift()) waiter.refuse(this.#closing());
  }

  #grant(waitedMs: number): Permit {
    this.#current++;
    if (this.#current > this.#peak) this.#peak = this.#current;
    return new OnePermit(waitedMs, this.#giveBack);
  }

  /** One permit comes back, or is new. */
  #put(): void {
    if (this.#surplus > 0) this.#surplus--;
    else this.#sema.release();
  }

  /** Sees to it that a permit is owed for each waiter. What left waiters were owed is used up first. */
  #order(): void {
    while (this.#owed < this.#queue.size) {
      this.#owed++;
      void this.#sema.acquire().then(() => {
        this.#owed--;
        const waiter = this.#surplus > 0 ? undefined : this.#queue.shift();
        if (waiter) waiter.admit(this.#grant(waiter.waitedMs));
        else this.#put();
        this.#order();
      });
    }
  }

  #closing(): McpoError {
    return new McpoError('MCPO_CLOSING', `${this.#config.name}: closed`, { retryAfterMs: RETRY_AFTER_MS });
  }
}
