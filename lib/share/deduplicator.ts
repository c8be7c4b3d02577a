import type { Aborter, Cancellation } from '../util/cancellation';
import { ConfigError } from '../errors';
import { Flight } from './flight';

/** Options of a {@link RequestDeduplicator}. */
export interface DeduplicatorOptions {
  /**
   * How old a call in flight may be and still be joined, in milliseconds.
   *
   * @defaultValue 60000
   */
  readonly windowMs?: number | undefined;
}

/** How one caller takes part. */
export interface ShareOptions {
  /** The caller leaves when it is aborted: its promise rejects with the signal's reason, the others go on. */
  readonly signal?: Cancellation | undefined;
}

/** Calls since the start, counted by how they were served. */
export interface ShareStats {
  /** Callers that started the work. */
  readonly led: number;
  /** Callers that joined work already in flight. */
  readonly joined: number;
}

/**
 * Lets callers that want the same thing at the same time share one piece of work (also known as single-flight).
 *
 * Nothing is kept: the result, or the failure, goes to those who wait for it and is forgotten.
 */
export class RequestDeduplicator<T, S extends Cancellation = AbortSignal> {
  readonly #windowMs: number;
  readonly #aborter: () => Aborter<S>;
  readonly #flights = new Map<string, Flight<T, S>>();
  #inFlight = 0;
  #led = 0;
  #joined = 0;

  /**
   * @param aborter - makes what cancels a piece of work. @defaultValue an `AbortController`
   * @throws ConfigError when `windowMs` is not a whole number of at least 1
   */
  constructor({ windowMs = 60_000 }: DeduplicatorOptions = {}, aborter?: () => Aborter<S>) {
    if (!Number.isSafeInteger(windowMs) || windowMs < 1) {
      throw new ConfigError('share.windowMs', 'must be an integer of at least 1', { value: windowMs });
    }
    this.#windowMs = windowMs;
    const make: () => Aborter<Cancellation> = aborter ?? (() => new AbortController());
    // Where none is given, S is what an AbortController has.
    this.#aborter = make as () => Aborter<S>;
  }

  /** Pieces of work that run now and have a caller. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** A snapshot of the counts. */
  get stats(): ShareStats {
    return { led: this.#led, joined: this.#joined };
  }

  /**
   * Joins the work in flight for `key`, or leads a new one. `run` is called before this returns exactly when the caller
   * leads, so that the caller knows which of the two it was.
   *
   * The work belongs to no caller: it goes on when its leader leaves, and is cancelled when the last caller has left.
   *
   * @param key - what the work is about; it must cover all that the result depends on
   * @param run - does the work; its signal is aborted when nobody waits for it any more
   * @returns the result; rejects with what `run` threw, or with the reason of the caller's own signal
   */
  async executeOrWait(key: string, run: (signal: S) => Promise<T>, { signal }: ShareOptions = {}): Promise<T> {
    signal?.throwIfAborted();
    const now = performance.now();
    const found = this.#flights.get(key);
    if (found && now - found.startedAt < this.#windowMs) {
      this.#joined++;
      return found.join(signal);
    }
    const flight = new Flight<T, S>(now, this.#aborter(), () => {
      this.#inFlight--;
      // A younger flight may have taken the slot.
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
