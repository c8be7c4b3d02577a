import { McpoError } from '../errors';
import { Backoff } from './backoff';
import { closing } from './refusals';
import type { Open, PoolResource } from './resource';
import type { TakeTurn } from './turns';
import { withTimeout } from '../util/timeout';

/** More than two at a time would make a storm of processes at start-up and in a sudden rush. */
const MAX_AT_A_TIME = 2;
/**
 * How long after connections have worked it is taken for granted that they will again: callers wait for the next one,
 * even if one or two tries fail, and are not sent away.
 */
const PATIENCE_MS = 5_000;
/** An aborted attempt may have to end a process first. */
const ENDING_MS = 10_000;

/** What an {@link Opener} reports to. */
export interface OpenerHost<R> {
  opened(connection: R): void;
  failed(error: unknown): void;
  /** The backoff is over. */
  ready(): void;
  /** Whether somebody waits for a connection. */
  isWanted(): boolean;
}

/** Opens connections: a few at a time, each in bounded time, and after a failure not before the backoff is over. */
export class Opener<R extends PoolResource> {
  readonly #open: Open<R>;
  readonly #timeoutMs: number;
  readonly #takeTurn: TakeTurn | undefined;
  readonly #host: OpenerHost<R>;
  readonly #underWay = new Set<AbortController>();
  /** What is or was being opened, until it has ended or given up. */
  readonly #works = new Set<Promise<unknown>>();
  readonly #backoff = new Backoff();
  /** Attempts of one step, which began before the first of them failed, are one failure. */
  #step = 0;
  /** When a connection was last known to work, on the clock of `performance.now()`. */
  #workedAt = -Infinity;
  readonly #abandoned = new AbortController();
  #retry: NodeJS.Timeout | undefined;

  /** @param takeTurn - waits until it may begin; the time limit counts from then. @defaultValue at once */
  constructor(open: Open<R>, timeoutMs: number, host: OpenerHost<R>, takeTurn?: TakeTurn) {
    this.#open = open;
    this.#takeTurn = takeTurn;
    this.#timeoutMs = timeoutMs;
    this.#host = host;
  }

  get opening(): number {
    return this.#underWay.size;
  }

  get retryAfterMs(): number {
    return this.#backoff.remainingMs;
  }

  /** Whether connections worked a moment ago. */
  get workedLately(): boolean {
    return performance.now() - this.#workedAt < PATIENCE_MS;
  }

  /** Whether another may be opened now; only one at a time where it is not known that the other side works. */
  mayOpen(alive: number): boolean {
    const works = this.#backoff.failures === 0 && (alive > 0 || this.workedLately);
    const atATime = works ? MAX_AT_A_TIME : 1;
    return this.opening < atATime && this.#backoff.remainingMs === 0;
  }

  open(): void {
    void this.#attempt(this.#step);
  }

  /** Calls the host's `ready` in `ms` milliseconds, instead of when it was to be called before. */
  retryIn(ms: number): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#host.ready(), Math.ceil(ms)).unref();
  }

  /** A connection has answered: the next failure is the first again. */
  proven(): void {
    this.#workedAt = performance.now();
    this.#backoff.reset();
  }

  /** A connection has ended by itself; `proven`: it had answered. */
  ended(proven: boolean): void {
    if (proven) this.#workedAt = performance.now();
    else this.#backoff.broke();
  }

  /** Makes no more attempts, and aborts those under way. */
  stop(): void {
    clearTimeout(this.#retry);
    for (const attempt of this.#underWay) attempt.abort(closing());
  }

  /**
   * Takes no more of what is under way: what still comes of it is closed. Resolves when it has ended, or after 10 s: it has
   * been told to end, and may have a process to take with it.
   */
  async abandon(): Promise<void> {
    this.#abandoned.abort();
    await withTimeout(this.#end(), ENDING_MS, () => this.#late(), new AbortController().signal).catch(() => undefined);
  }

  async #attempt(step: number): Promise<void> {
    const attempt = new AbortController();
    this.#underWay.add(attempt);
    let work: Promise<R> | undefined;
    let endTurn: (() => void) | undefined;
    try {
      if (this.#takeTurn) endTurn = await this.#takeTurn(attempt.signal, () => this.#host.isWanted());
      work = (async () => this.#open(attempt.signal))();
      this.#follow(work);
      const connection = await withTimeout(work, this.#timeoutMs, () => this.#late(), this.#abandoned.signal);
      if (connection.closed) throw new McpoError('MCPO_CONNECTION_LOST', 'the connection ended as soon as it was open');
      this.#underWay.delete(attempt);
      this.#host.opened(connection);
    } catch (error) {
      this.#underWay.delete(attempt);
      attempt.abort(error);
      if (work) this.#follow(work.then((connection) => connection.close()));
      if (this.#step === step) {
        this.#step++;
        this.#backoff.fail();
      }
      this.#host.failed(error);
    } finally {
      endTurn?.();
    }
  }

  async #end(): Promise<void> {
    while (this.#works.size > 0) await Promise.allSettled(this.#works);
  }

  #follow(work: Promise<unknown>): void {
    this.#works.add(work);
    const forget = (): void => void this.#works.delete(work);
    work.then(forget, forget);
  }

  #late(): McpoError {
    return new McpoError('MCPO_TIMEOUT', `no connection within ${this.#timeoutMs} ms`);
  }
}
