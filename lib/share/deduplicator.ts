import type { Aborter, Cancellation } from '../util/cancellation';
import { checkInteger } from '../util/checks';

/** Options of a {@link RequestDeduplicator}. */
export interface DeduplicatorOptions {
  /** The maximum age of work that can be joined, counted from when it calls `sent`, in milliseconds. @defaultValue 1000 */
  readonly windowMs?: number | undefined;
}

/** Options of one caller. */
export interface ShareOptions {
  /** Rejects this caller's promise with its reason; the other callers go on. */
  readonly signal?: Cancellation | undefined;
}

/** Counts since the start. */
export interface ShareStats {
  /** Callers that started the work. */
  readonly led: number;
  /** Callers that joined work in flight. */
  readonly joined: number;
}

/** Shares work between concurrent callers with equal keys (single-flight). Results are not cached. */
export class RequestDeduplicator<T, S extends Cancellation = AbortSignal> {
  readonly #windowMs: number;
  readonly #aborter: () => Aborter<S>;
  readonly #flights = new Map<string, Flight<T, S>>();
  #inFlight = 0;
  #led = 0;
  #joined = 0;

  /**
   * @param aborter - makes the abort controller of a flight. @defaultValue an `AbortController`
   * @throws ConfigError if `windowMs` is not an integer of at least 1
   */
  constructor({ windowMs }: DeduplicatorOptions = {}, aborter?: () => Aborter<S>) {
    this.#windowMs = checkInteger('share.windowMs', windowMs, 1, 1_000, Number.MAX_SAFE_INTEGER);
    const make: () => Aborter<Cancellation> = aborter ?? (() => new AbortController());
    // Without a factory, S is AbortSignal.
    this.#aborter = make as () => Aborter<S>;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get stats(): ShareStats {
    return { led: this.#led, joined: this.#joined };
  }

  /**
   * Joins the work in flight for `key`, or starts it. `run` is called synchronously if this caller leads, else not at all.
   *
   * The work belongs to no single caller: it is cancelled only when the last one has left.
   *
   * @param key - must cover everything that the result depends on
   * @param run - does the work; its signal is aborted when the last caller has left. Work that has not yet told that it was `sent`
   * can be joined whatever its age
   * @returns the result; rejects like `run`, or with the reason of the caller's own signal
   */
  async executeOrWait(
    key: string,
    run: (signal: S, sent: () => void) => Promise<T>,
    { signal }: ShareOptions = {},
  ): Promise<T> {
    signal?.throwIfAborted();
    const found = this.#flights.get(key);
    if (found && performance.now() - found.sentAt < this.#windowMs) {
      this.#joined++;
      return found.join(signal);
    }
    const flight = new Flight<T, S>(this.#aborter(), () => {
      this.#inFlight--;
      // A younger flight may have replaced it.
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    });
    this.#flights.set(key, flight);
    this.#inFlight++;
    this.#led++;
    const result = flight.join(signal);
    flight.start(run);
    return result;
  }
}

/** Work that is shared; `sent` tells that it is under way, at the first call of it. */
export type RunShared<T, S> = (signal: S, sent: () => void) => Promise<T>;

interface Caller<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
  readonly stopListening: () => void;
}

/** Work in flight and the callers that wait for it. It ends with the work, or when its last caller leaves. */
class Flight<T, S extends Cancellation> {
  /** When it was sent, on the clock of `performance.now()`. */
  sentAt = Infinity;
  readonly #onEnd: () => void;
  readonly #aborter: Aborter<S>;
  readonly #callers = new Set<Caller<T>>();
  #ended = false;

  /**
   * @param aborter - cancels the work
   * @param onEnd - called once, before any caller is notified, so that nobody joins a flight that has ended
   */
  constructor(aborter: Aborter<S>, onEnd: () => void) {
    this.#aborter = aborter;
    this.#onEnd = onEnd;
  }

  /** Adds a caller, until the work ends or `signal` is aborted. */
  join(signal: Cancellation | undefined): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const leave = (): void => this.#leave(caller, signal?.reason);
      const stopListening = (): void => signal?.removeEventListener('abort', leave);
      const caller: Caller<T> = { resolve, reject, stopListening };
      signal?.addEventListener('abort', leave, { once: true });
      this.#callers.add(caller);
    });
  }

  /** Starts the work. A synchronous throw of `run` counts as a rejection. */
  start(run: RunShared<T, S>): void {
    const sent = (): void => void (this.sentAt = Math.min(this.sentAt, performance.now()));
    new Promise<T>((resolve) => resolve(run(this.#aborter.signal, sent))).then(
      (value) => {
        for (const caller of this.#end()) caller.resolve(value);
      },
      (error: unknown) => {
        for (const caller of this.#end()) caller.reject(error);
      },
    );
  }

  #leave(caller: Caller<T>, reason: unknown): void {
    this.#callers.delete(caller);
    caller.reject(reason);
    if (this.#callers.size > 0) return;
    this.#end();
    this.#aborter.abort();
  }

  #end(): Iterable<Caller<T>> {
    if (this.#ended) return [];
    this.#ended = true;
    for (const caller of this.#callers) caller.stopListening();
    this.#onEnd();
    return this.#callers;
  }
}
