import type { PoolResource } from '../../lib/pool/resource';

/** A connection that does what the test says. */
export class FakeResource implements PoolResource {
  closed = false;
  /** Whether it leaves pings without an answer. */
  hung = false;
  /** What a ping is answered with, if it is an error. */
  pingError: Error | undefined;
  received = 0;
  pings = 0;
  /** When it first answered a ping. */
  answeredAt: number | undefined;
  /** How often the pool has closed it. */
  closes = 0;
  /** What `close()` rejects with. */
  closeError: Error | undefined;
  /** What `close()` waits for once it has ended. */
  closing: Promise<void> | undefined;
  readonly #listeners: (() => void)[] = [];

  constructor(readonly id: number) {}

  onClose(listener: () => void): void {
    this.#listeners.push(listener);
  }

  ping(): Promise<void> {
    this.pings++;
    if (this.hung) return new Promise(() => undefined);
    if (this.pingError) return Promise.reject(this.pingError);
    this.answeredAt ??= performance.now();
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.closes++;
    this.die();
    await this.closing;
    if (this.closeError) throw this.closeError;
  }

  /** Ends by itself. */
  die(): void {
    if (this.closed) return;
    this.closed = true;
    for (const listener of this.#listeners) listener();
  }
}

/** When something happened: in milliseconds, and in which order. */
export interface Moment {
  readonly at: number;
  readonly order: number;
}

/** One call of {@link FakeServer.open}. */
export interface Attempt extends Moment {
  /** When it was accepted or refused. */
  ended: Moment | undefined;
  /** When the pool gave it up. */
  failed: Moment | undefined;
  readonly signal: AbortSignal;
  readonly credentials: { readonly id: string } | undefined;
  accept(): FakeResource;
  refuse(error?: Error): void;
}

/** Opens {@link FakeResource}s: at once, never, or when the test says. */
export class FakeServer {
  /** `accept` and `refuse` at once; `wait` for the test, or the signal; `ignore` for the test alone. */
  mode: 'accept' | 'refuse' | 'wait' | 'ignore' = 'accept';
  /** Whether those it opens leave pings without an answer. */
  hung = false;
  readonly attempts: Attempt[] = [];
  readonly resources: FakeResource[] = [];
  #moments = 0;

  /** Those that have not ended. */
  get alive(): FakeResource[] {
    return this.resources.filter((resource) => !resource.closed);
  }

  readonly open = (signal: AbortSignal, credentials?: { readonly id: string }): Promise<FakeResource> =>
    new Promise((resolve, reject) => {
      let settled = false;
      const settle = (): boolean => {
        if (settled) return false;
        settled = true;
        attempt.ended = this.#now();
        return true;
      };
      const attempt: Attempt = {
        ...this.#now(),
        ended: undefined,
        failed: undefined,
        signal,
        credentials,
        accept: () => {
          const resource = new FakeResource(this.resources.length);
          resource.hung = this.hung;
          if (!settle()) return resource;
          this.resources.push(resource);
          resolve(resource);
          return resource;
        },
        refuse: (error = new Error('refused')) => {
          if (settle()) reject(error);
        },
      };
      this.attempts.push(attempt);
      signal.addEventListener('abort', () => (attempt.failed = this.#now()));
      if (this.mode === 'accept') attempt.accept();
      if (this.mode === 'refuse') attempt.refuse();
      if (this.mode === 'wait') signal.addEventListener('abort', () => attempt.refuse(new Error('aborted')));
    });

  #now(): Moment {
    return { at: performance.now(), order: this.#moments++ };
  }

  resource(index: number): FakeResource {
    return found(this.resources[index], `resource ${index}`);
  }

  attempt(index: number): Attempt {
    return found(this.attempts[index], `attempt ${index}`);
  }
}

function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`there is no ${what}`);
  return value;
}
