import fc from 'fast-check';
import { isMcpoError } from '../../lib/errors';
import { ConcurrencyLimiter } from '../../lib/limit/limiter';
import type { Permit } from '../../lib/limit/permit';
import { SEED } from '../support/seed';

const QUEUE = 4;
const TIMEOUT_MS = 100;
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

type Principal = 'a' | 'b' | undefined;

type Step =
  | { readonly do: 'try' }
  | { readonly do: 'acquire'; readonly principal: Principal }
  | { readonly do: 'release' | 'abort'; readonly who: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'resize'; readonly to: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ do: fc.constant('try') }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('acquire'), principal: fc.constantFrom('a', 'a', 'b', undefined) }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('release', 'release', 'abort'), who: fc.nat(15) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait'), ms: fc.integer({ min: 1, max: TIMEOUT_MS }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('resize'), to: fc.integer({ min: 1, max: 4 }) }) },
);
const steps = fc.array(step, { maxLength: 80 });

interface Caller {
  readonly controller: AbortController;
  readonly deadline: number;
  readonly principal: Principal;
  permit?: Permit;
  end?: string;
}

/** The limiter under test and all who asked it for a permit, in the order of asking. */
class World {
  readonly limiter: ConcurrencyLimiter;
  readonly callers: Caller[] = [];
  /** Who asked with `acquire` and got a permit, in the order of getting. */
  readonly admitted: number[] = [];

  constructor(maxConcurrent: number) {
    this.limiter = new ConcurrencyLimiter({ maxConcurrent, maxQueue: QUEUE, queueTimeoutMs: TIMEOUT_MS });
  }

  apply(now: Step): void {
    const { limiter, callers } = this;
    if (now.do === 'wait') jest.advanceTimersByTime(now.ms);
    else if (now.do === 'resize') limiter.setMaxConcurrent(now.to);
    else if (now.do === 'abort') callers[now.who % callers.length]?.controller.abort('aborted');
    // Also those who have given it back already.
    else if (now.do === 'release') callers[now.who % callers.length]?.permit?.release();
    else {
      const number = callers.length;
      const principal = now.do === 'acquire' ? now.principal : undefined;
      const deadline = performance.now() + TIMEOUT_MS;
      const caller: Caller = { controller: new AbortController(), deadline, principal };
      callers.push(caller);
      if (now.do === 'try') {
        const permit = limiter.tryAcquire();
        if (permit) {
          expect(limiter.waiting).toBe(0);
          caller.permit = permit;
        }
        caller.end = permit ? 'admitted' : 'none';
      } else {
        limiter.acquire({ signal: caller.controller.signal, principal }).then(
          (permit) => {
            caller.permit = permit;
            caller.end = 'admitted';
            this.admitted.push(number);
          },
          (reason: unknown) => {
            caller.end = isMcpoError(reason) ? reason.code : String(reason);
          },
        );
      }
    }
  }
}

/** What a limiter must do, said as plainly as possible. */
class Model {
  readonly held = new Set<number>();
  readonly ends: (string | undefined)[] = [];
  readonly admitted: number[] = [];
  #queue: { readonly number: number; readonly principal: Principal }[] = [];
  /** The principals that wait, in the order of their turns. */
  #turns: Principal[] = [];
  /** When a principal came to have as many waiting as it has. */
  readonly #since = new Map<Principal, number>();
  #clock = 0;
  #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  apply(now: Step, callers: readonly Caller[]): void {
    const who = 'who' in now ? now.who % this.ends.length : NaN;
    if (now.do === 'resize') this.#max = now.to;
    else if (now.do === 'release') this.held.delete(who);
    else if (now.do === 'abort' && this.#queue.some(({ number }) => number === who)) this.#leave(who, 'aborted');
    else if (now.do === 'wait') {
      const late = this.#queue.filter(({ number }) => (callers[number] as Caller).deadline <= performance.now());
      for (const { number } of late) this.#leave(number, 'MCPO_QUEUE_TIMEOUT');
    } else if (now.do === 'try' || now.do === 'acquire') {
      const number = this.ends.push(undefined) - 1;
      if (this.held.size < this.#max && this.waiting === 0) this.#admit(number);
      else if (now.do === 'try') this.ends[number] = 'none';
      else this.#enter(number, now.principal);
      if (now.do === 'acquire' && this.ends[number] === 'admitted') this.admitted.push(number);
    }
    while (this.held.size < this.#max && this.waiting > 0) {
      const principal = this.#turns[0];
      const { number } = this.#of(principal)[0] as { number: number };
      this.#leave(number, undefined);
      this.#turns = this.#turns.filter((one) => one !== principal);
      if (this.#of(principal).length > 0) this.#turns.push(principal);
      this.#admit(number);
      this.admitted.push(number);
    }
  }

  #of(principal: Principal): { readonly number: number; readonly principal: Principal }[] {
    return this.#queue.filter((one) => one.principal === principal);
  }

  #enter(number: number, principal: Principal): void {
    if (this.waiting >= QUEUE) {
      const most = Math.max(...this.#turns.map((one) => this.#of(one).length));
      const longest = this.#turns.filter((one) => this.#of(one).length === most);
      const [first] = longest.sort((a, b) => (this.#since.get(a) as number) - (this.#since.get(b) as number));
      const newest = this.#of(first).at(-1) as { number: number };
      this.#leave(most > this.#of(principal).length ? newest.number : number, 'MCPO_QUEUE_FULL');
    }
    if (this.ends[number] !== undefined) return;
    this.#queue.push({ number, principal });
    this.#since.set(principal, this.#clock++);
    if (!this.#turns.includes(principal)) this.#turns.push(principal);
  }

  #admit(number: number): void {
    this.held.add(number);
    this.ends[number] = 'admitted';
  }

  #leave(number: number, end: string | undefined): void {
    for (const { principal } of this.#queue.filter((one) => one.number === number)) {
      this.#since.set(principal, this.#clock++);
      this.#queue = this.#queue.filter((one) => one.number !== number);
      if (this.#of(principal).length === 0) this.#turns = this.#turns.filter((one) => one !== principal);
    }
    this.ends[number] = end;
  }
}

/** All that is held comes back; then there are exactly as many permits as the limit says. */
async function expectExactPermits({ limiter, callers }: World): Promise<void> {
  while (limiter.current > 0 || limiter.waiting > 0) {
    const before = limiter.current + limiter.waiting;
    for (const { permit } of callers) permit?.release();
    await settled();
    expect(limiter.current + limiter.waiting).toBeLessThan(before);
  }
  expect(callers.every(({ end }) => end !== undefined)).toBe(true);
  for (let permit = 0; permit < limiter.maxConcurrent; permit++) expect(limiter.tryAcquire()).toBeDefined();
  expect(limiter.tryAcquire()).toBeUndefined();
  expect(jest.getTimerCount()).toBe(0);
}

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
});

afterEach(() => {
  jest.useRealTimers();
});

test(`given time to settle, the limiter does what the model does (seed ${SEED})`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), steps, async (max, program) => {
      const world = new World(max);
      const model = new Model(max);
      for (const now of program) {
        world.apply(now);
        await settled();
        model.apply(now, world.callers);
        expect(world.callers.map(({ end }) => end)).toEqual(model.ends);
        expect(world.admitted).toEqual(model.admitted);
        expect(world.limiter.current).toBe(model.held.size);
        expect(world.limiter.waiting).toBe(model.waiting);
      }
      await expectExactPermits(world);
    }),
    { seed: SEED, numRuns: 300 },
  );
});

test(`in a rush, nobody overtakes its own principal, is forgotten or exceeds the limit (seed ${SEED})`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(steps, { maxLength: 6 }), async (max, bursts) => {
      const world = new World(max);
      const { limiter } = world;
      let highest = max;
      for (const burst of bursts) {
        for (const now of burst) {
          const before = limiter.current;
          world.apply(now);
          if (now.do === 'resize') highest = Math.max(highest, now.to);
          if (limiter.current > before) expect(limiter.current).toBeLessThanOrEqual(limiter.maxConcurrent);
          expect(limiter.waiting).toBeLessThanOrEqual(QUEUE);
        }
        await settled();
        if (limiter.waiting > 0) expect(limiter.current).toBeGreaterThanOrEqual(limiter.maxConcurrent);
        expect(limiter.peak).toBeLessThanOrEqual(highest);
        expect(limiter.waiting).toBe(world.callers.filter(({ end }) => end === undefined).length);
      }
      for (const principal of ['a', 'b', undefined]) {
        const admitted = world.admitted.filter((one) => world.callers[one]?.principal === principal);
        expect(admitted).toEqual([...admitted].sort((a, b) => a - b));
      }
      await expectExactPermits(world);
    }),
    { seed: SEED, numRuns: 300 },
  );
});
