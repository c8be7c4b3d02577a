import { Sema } from 'async-sema';
import { McpoError } from '../errors';
import { limiterConfig, permitsFor, type LimiterConfig, type LimiterOptions, type MaxConcurrent } from './options';
import { OnePermit, type AcquireOptions, type Permit, type PermitSource } from './permit';
import type { Cancellation } from '../util/cancellation';
import { type Line, type QueueItem, TurnQueue } from './turn-queue';

// When there will be room is unknown. A second keeps callers from retrying at once.
const RETRY_AFTER_MS = 1_000;

/**
 * Limits the number of calls that run at once. The others wait in a bounded queue, each with a deadline and its own abort
 * signal. Principals are served in turn, the calls of each in FIFO order.
 *
 * async-sema counts the permits. It cannot drop a waiter, so it is only asked for anonymous permits: which waiter gets one is
 * decided when it arrives. A permit requested for a caller that has left goes to the next one.
 */
export class ConcurrencyLimiter implements PermitSource {
  readonly #config: LimiterConfig;
  readonly #sema: Sema;
  readonly #queue = new TurnQueue<Waiter>();
  readonly #release: () => void;
  #maxConcurrent: number;
  #current = 0;
  #peak = 0;
  // Permits requested from async-sema: at least one for each waiter.
  #requested = 0;
  // Permits to withdraw when they are released, after the limit was lowered.
  #surplus = 0;
  #closed = false;

  /** @throws ConfigError for an invalid option */
  constructor(options: LimiterOptions = {}) {
    this.#config = limiterConfig(options);
    this.#maxConcurrent = this.#config.maxConcurrent;
    this.#sema = new Sema(this.#maxConcurrent);
    this.#release = () => {
      this.#current--;
      this.#put();
    };
  }

  /** Calls that hold a permit. May exceed {@link maxConcurrent} for a while after that was lowered. */
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

  get maxConcurrent(): number {
    return this.#maxConcurrent;
  }

  /**
   * Changes the limit. A higher limit admits waiting calls at once. A lower one interrupts no running calls; new ones wait
   * until fewer calls than the new limit run.
   *
   * @throws ConfigError for an invalid value
   */
  setMaxConcurrent(value: MaxConcurrent): void {
    const permits = permitsFor(value);
    let change = permits - this.#maxConcurrent;
    this.#maxConcurrent = permits;
    for (; change > 0; change--) this.#put();
    for (; change < 0; change++) if (this.#sema.tryAcquire() === undefined) this.#surplus++;
  }

  /** A permit if one is free and no call waits, without a promise. `undefined` also after {@link close}. */
  tryAcquire(): Permit | undefined {
    // A permit may be free while a waiter's is on its way: the waiter comes first.
    if (this.#closed || this.#queue.size > 0 || this.#sema.tryAcquire() === undefined) return undefined;
    return this.#grant(0);
  }

  /**
   * Waits for a permit. If the queue is full and another principal has more calls in it, the newest of that one is refused in
   * place of this call.
   *
   * @throws McpoError MCPO_QUEUE_FULL if the queue is full, MCPO_QUEUE_TIMEOUT after `queueTimeoutMs`, MCPO_CLOSING after
   * {@link close}; or the reason of the signal
   */
  async acquire({ signal, principal }: AcquireOptions = {}): Promise<Permit> {
    signal?.throwIfAborted();
    const permit = this.tryAcquire();
    if (permit) return permit;
    if (this.#closed) throw this.#closing();
    const { maxQueue, queueTimeoutMs, name } = this.#config;
    if (this.#queue.size >= maxQueue) {
      const newest = this.#queue.newestBeyond(principal);
      if (!newest) throw queueFull(`${name}: ${maxQueue} calls are waiting already`);
      this.#queue.remove(newest);
      newest.refuse(queueFull(`${name}: ${maxQueue} calls are waiting, the most of them from this caller`));
    }
    const waiter = new Waiter(
      queueTimeoutMs,
      signal,
      () => {
        this.#queue.remove(waiter);
        const detail = `${name}: still waiting after ${queueTimeoutMs} ms`;
        waiter.refuse(new McpoError('MCPO_QUEUE_TIMEOUT', detail, { retryAfterMs: RETRY_AFTER_MS }));
      },
      () => {
        this.#queue.remove(waiter);
        waiter.refuse(signal?.reason);
      },
    );
    this.#queue.append(waiter, principal);
    this.#requestPermits();
    return waiter.promise;
  }

  /** Runs `fn` while holding a permit. Rejects like {@link acquire} or like `fn`. */
  async run<T>(fn: () => T | PromiseLike<T>, options?: AcquireOptions): Promise<T> {
    const permit = await this.acquire(options);
    try {
      return await fn();
    } finally {
      permit.release();
    }
  }

  /** Rejects the waiting calls and all later ones. Permits can still be released. */
  close(): void {
    this.#closed = true;
    for (let waiter = this.#queue.shift(); waiter; waiter = this.#queue.shift()) waiter.refuse(this.#closing());
  }

  #grant(waitedMs: number): Permit {
    this.#current++;
    if (this.#current > this.#peak) this.#peak = this.#current;
    return new OnePermit(waitedMs, this.#release);
  }

  /** Adds a permit, new or released. */
  #put(): void {
    if (this.#surplus > 0) this.#surplus--;
    else this.#sema.release();
  }

  /** Requests a permit for each waiter that none is requested for. */
  #requestPermits(): void {
    while (this.#requested < this.#queue.size) {
      this.#requested++;
      void this.#sema.acquire().then(() => {
        this.#requested--;
        const waiter = this.#surplus > 0 ? undefined : this.#queue.shift();
        if (waiter) waiter.admit(this.#grant(waiter.waitedMs));
        else this.#put();
        this.#requestPermits();
      });
    }
  }

  #closing(): McpoError {
    return new McpoError('MCPO_CLOSING', `${this.#config.name}: closed`, { retryAfterMs: RETRY_AFTER_MS });
  }
}

function queueFull(detail: string): McpoError {
  return new McpoError('MCPO_QUEUE_FULL', detail, { retryAfterMs: RETRY_AFTER_MS });
}

/** A caller in the queue: a promise with a deadline and an abort signal, settled once. */
class Waiter implements QueueItem<Waiter> {
  readonly promise: Promise<Permit>;
  line: Line<Waiter> | undefined;
  previous: Waiter | undefined;
  next: Waiter | undefined;
  readonly #since = performance.now();
  readonly #timer: NodeJS.Timeout;
  readonly #signal: Cancellation | undefined;
  readonly #onAbort: () => void;
  #resolve!: (permit: Permit) => void;
  #reject!: (reason: unknown) => void;

  /**
   * @param onTimeout - called after `timeoutMs`
   * @param onAbort - called when `signal` is aborted; both are to remove the waiter from its queue and `refuse` it
   */
  constructor(timeoutMs: number, signal: Cancellation | undefined, onTimeout: () => void, onAbort: () => void) {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#timer = setTimeout(onTimeout, timeoutMs);
    this.#signal = signal;
    this.#onAbort = onAbort;
    signal?.addEventListener('abort', onAbort, { once: true });
  }

  /** How long it has waited, in milliseconds. */
  get waitedMs(): number {
    return performance.now() - this.#since;
  }

  admit(permit: Permit): void {
    this.#stop();
    this.#resolve(permit);
  }

  refuse(reason: unknown): void {
    this.#stop();
    this.#reject(reason);
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}
