import fc from 'fast-check';
import { ConnectionPool } from '../../lib/pool/pool';
import type { Lease } from '../../lib/pool/resource';
import { FakeServer, type FakeResource, type Moment } from '../support/fake-resource';
import { SEED } from '../support/seed';

const realImmediate = setImmediate;
const OPTIONS = {
  maxConnections: 3,
  maxInFlightPerConnection: 2,
  growAfterMs: 100,
  maxIdleMs: 1_500,
  connectTimeoutMs: 2_000,
  acquireTimeoutMs: 3_000,
  maxWaiting: 6,
  healthCheckIntervalMs: 1_000,
  pingTimeoutMs: 300,
};
/** Time passes in slices: what happens within one is seen by the pool only at its end. */
const SLICE_MS = 25;
/** The first backoff, with `Math.random()` always giving one half. */
const LEAST_BACKOFF_MS = 125;
const KNOWN = ['MCPO_SERVER_DOWN', 'MCPO_POOL_EXHAUSTED', 'MCPO_CLOSING'];

/** What may happen to a pool; `n` picks which lease, waiter, connection or attempt. */
const step = fc.oneof(
  { weight: 32, arbitrary: fc.record({ do: fc.constant('acquire' as const) }) },
  { weight: 24, arbitrary: fc.record({ do: fc.constant('release' as const), n: fc.nat() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('releaseAgain' as const), n: fc.nat() }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('abort' as const), n: fc.nat() }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('die' as const), n: fc.nat() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('hang' as const), n: fc.nat() }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('mode' as const),
      mode: fc.constantFrom(
        'accept' as const,
        'accept' as const,
        'refuse' as const,
        'wait' as const,
        'ignore' as const,
      ),
    }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('accept' as const), n: fc.nat() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('refuse' as const), n: fc.nat() }) },
  {
    weight: 20,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(10, 60, 150, 500, 1_100, 3_500) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Waiter {
  readonly abort: AbortController;
  settled: boolean;
}

/** A pool, its server, and what the test itself knows of the leases. */
class World {
  readonly server = new FakeServer();
  readonly pool: ConnectionPool<FakeResource>;
  readonly held: Lease<FakeResource>[] = [];
  readonly released: Lease<FakeResource>[] = [];
  readonly everHeld = new Set<Lease<FakeResource>>();
  readonly waiters: Waiter[] = [];
  readonly provenAt: number[] = [];
  readonly failures: unknown[] = [];
  closed: Promise<void> | undefined;

  constructor(readonly minConnections: number) {
    this.pool = new ConnectionPool(this.server.open, { ...OPTIONS, minConnections });
  }

  async run(step: Step): Promise<void> {
    switch (step.do) {
      case 'acquire':
        this.acquire();
        break;
      case 'release': {
        const lease = pick(this.held, step.n);
        if (lease) this.release(lease);
        break;
      }
      case 'releaseAgain':
        pick(this.released, step.n)?.release();
        break;
      case 'abort':
        pick(this.waiting, step.n)?.abort.abort(new Error('aborted by the caller'));
        break;
      case 'die':
        pick(this.server.alive, step.n)?.die();
        break;
      case 'hang': {
        const resource = pick(this.server.alive, step.n);
        if (resource) resource.hung = true;
        break;
      }
      case 'mode':
        this.server.mode = step.mode;
        break;
      case 'accept':
        pick(this.server.attempts, step.n)?.accept();
        break;
      case 'refuse':
        pick(this.server.attempts, step.n)?.refuse();
        break;
      case 'pass':
        await pass(step.ms);
        break;
      case 'close':
        this.closed = this.pool.close(5_000);
    }
    await flush();
  }

  get waiting(): Waiter[] {
    return this.waiters.filter((waiter) => !waiter.settled);
  }

  acquire(): void {
    const waiter: Waiter = { abort: new AbortController(), settled: false };
    this.waiters.push(waiter);
    void this.pool
      .acquire({ signal: waiter.abort.signal })
      .then(
        (lease) => {
          expect(this.everHeld.has(lease)).toBe(false);
          this.everHeld.add(lease);
          this.held.push(lease);
        },
        (error: unknown) => this.failures.push(error),
      )
      .finally(() => (waiter.settled = true));
  }

  release(lease: Lease<FakeResource>): void {
    this.held.splice(this.held.indexOf(lease), 1);
    this.released.push(lease);
    if (!lease.connection.closed) this.provenAt.push(performance.now());
    lease.release();
  }

  check(): void {
    const { alive } = this.server;
    const { stats } = this.pool;
    const calls = (resource: FakeResource): number =>
      this.held.filter(({ connection }) => connection === resource).length;
    const busy = alive.filter((resource) => calls(resource) > 0).length;
    expect(stats).toMatchObject({
      connections: alive.length,
      busy,
      idle: alive.length - busy,
      inFlight: this.held.length,
      waiting: this.waiting.length,
    });
    expect(stats.opened - stats.closed).toBe(stats.connections);
    expect(stats.connections + stats.opening).toBeLessThanOrEqual(OPTIONS.maxConnections);
    expect(stats.waiting).toBeLessThanOrEqual(OPTIONS.maxWaiting);
    for (const resource of alive) expect(calls(resource)).toBeLessThanOrEqual(OPTIONS.maxInFlightPerConnection);
    if (stats.waiting > 0) {
      // Without one there is a next try, as connections worked a moment ago.
      expect(stats.connections + stats.opening > 0 || this.pool.retryAfterMs > 0).toBe(true);
      for (const resource of alive) {
        if (!resource.hung) expect(calls(resource)).toBe(OPTIONS.maxInFlightPerConnection);
      }
    }
  }

  /** Every attempt after a failure comes alone and not before the backoff, unless a connection has answered since. */
  checkBackoff(): void {
    const proofs = [...this.provenAt, ...this.server.resources.flatMap(({ answeredAt }) => answeredAt ?? [])];
    const { attempts } = this.server;
    const failed = attempts
      .flatMap((attempt) => (attempt.failed ? [{ began: attempt.order, ...attempt.failed }] : []))
      .sort((a, b) => a.order - b.order);
    const steps: Moment[] = [];
    for (const failure of failed) if (failure.began > (steps.at(-1)?.order ?? -1)) steps.push(failure);
    for (const { at, order } of attempts) {
      const last = steps.filter((failure) => failure.order < order).at(-1);
      if (!last || proofs.some((proof) => proof >= last.at - SLICE_MS && proof <= at)) continue;
      expect(at - last.at).toBeGreaterThanOrEqual(LEAST_BACKOFF_MS);
      const earlier = attempts.filter((other) => other.order < order);
      expect(earlier.filter(({ failed, ended }) => ((failed ?? ended)?.order ?? Infinity) > order)).toEqual([]);
    }
  }

  /** Ends everything, and sees that nothing is left. */
  async end(): Promise<void> {
    this.server.mode = 'refuse';
    for (const lease of [...this.held]) this.release(lease);
    await flush();
    for (const lease of [...this.held]) this.release(lease);
    await pass(OPTIONS.acquireTimeoutMs);
    for (const lease of [...this.held]) this.release(lease);
    expect(this.waiting).toEqual([]);
    const closing = this.pool.close(5_000);
    if (this.closed) expect(closing).toBe(this.closed);
    // What ignores that it should end is waited for, but not for ever.
    await pass(15_000);
    await closing;
    for (const attempt of this.server.attempts) attempt.accept();
    await flush();
    expect(this.server.alive).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
    expect(this.pool.stats).toMatchObject({ connections: 0, opening: 0, inFlight: 0, waiting: 0 });
    for (const error of this.failures) {
      const { code, message } = error as { code?: string; message: string };
      expect(message === 'aborted by the caller' || KNOWN.includes(code ?? '')).toBe(true);
    }
  }
}

function pick<T>(items: readonly T[], n: number): T | undefined {
  return items[n % items.length];
}

function flush(): Promise<void> {
  return new Promise((resolve) => realImmediate(resolve));
}

async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= SLICE_MS) {
    jest.advanceTimersByTime(Math.min(SLICE_MS, left));
    await flush();
  }
}

test('whatever happens, the pool keeps its promises', async () => {
  process.stdout.write(`pool model: FC_SEED=${SEED}\n`);
  const seen = { opened: 0, died: 0, served: 0, refused: 0 };
  await fc.assert(
    fc
      .asyncProperty(
        fc.nat({ max: 2 }),
        fc.array(step, { minLength: 5, maxLength: 60 }),
        async (minConnections, steps) => {
          const world = new World(minConnections);
          for (const step of steps) {
            await world.run(step);
            world.check();
          }
          world.checkBackoff();
          await world.end();
          seen.opened += world.pool.stats.opened;
          seen.died += world.pool.stats.errors;
          seen.served += world.everHeld.size;
          seen.refused += world.failures.length;
        },
      )
      .beforeEach(() => {
        jest.useFakeTimers();
        jest.spyOn(Math, 'random').mockReturnValue(0.5);
      })
      .afterEach(() => {
        jest.restoreAllMocks();
        jest.useRealTimers();
      }),
    { numRuns: 500, seed: SEED },
  );
  process.stdout.write(`pool model: ${JSON.stringify(seen)}\n`);
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(50);
}, 120_000);
