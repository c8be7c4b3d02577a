import fc from 'fast-check';
import { type Cancellation, Canceller } from '../../lib/util/cancellation';
import { ConfigError } from '../../lib/errors';
import { RequestDeduplicator } from '../../lib/share/deduplicator';
import { SEED } from '../support/seed';

/** Work that ends when the test says so, and records how often it was started and cancelled. */
class Work<T> {
  readonly signals: AbortSignal[] = [];
  readonly #ends: { resolve: (value: T) => void; reject: (reason: unknown) => void }[] = [];

  readonly run = (signal: AbortSignal, sent: () => void): Promise<T> => {
    this.signals.push(signal);
    sent();
    return new Promise((resolve, reject) => this.#ends.push({ resolve, reject }));
  };

  get runs(): number {
    return this.signals.length;
  }

  resolve(value: T, run = 0): void {
    this.#ends[run]?.resolve(value);
  }

  reject(reason: unknown, run = 0): void {
    this.#ends[run]?.reject(reason);
  }
}

/** Lets every promise that can settle do so. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
});

afterEach(async () => {
  // An unhandled rejection fails its test: jest listens for them.
  await settled();
  jest.restoreAllMocks();
  jest.useRealTimers();
});

test('callers of the same key share one run and its value', async () => {
  const flights = new RequestDeduplicator<object>();
  const work = new Work<object>();
  const follower = jest.fn();
  const first = flights.executeOrWait('k', work.run);
  const second = flights.executeOrWait('k', follower);
  expect(work.runs).toBe(1);
  expect(flights.inFlight).toBe(1);
  const value = {};
  work.resolve(value);
  expect(await first).toBe(value);
  expect(await second).toBe(value);
  expect(follower).not.toHaveBeenCalled();
  expect(flights.inFlight).toBe(0);
  expect(flights.stats).toEqual({ led: 1, joined: 1 });
});

test('run is given an AbortSignal, or what its aborter has', async () => {
  const signals: unknown[] = [];
  const run = (signal: Cancellation): Promise<void> => Promise.resolve(void signals.push(signal));
  const canceller = new Canceller();
  await new RequestDeduplicator().executeOrWait('k', run);
  await new RequestDeduplicator<void, Cancellation>({}, () => canceller).executeOrWait('k', run);
  expect(signals).toEqual([expect.any(AbortSignal), canceller]);
});

test('different keys and different deduplicators share nothing', async () => {
  const [a, b] = [new RequestDeduplicator<string>(), new RequestDeduplicator<string>()];
  const work = new Work<string>();
  const all = [a.executeOrWait('x', work.run), a.executeOrWait('y', work.run), b.executeOrWait('x', work.run)];
  expect(work.runs).toBe(3);
  ['1', '2', '3'].forEach((value, run) => {
    work.resolve(value, run);
  });
  expect(await Promise.all(all)).toEqual(['1', '2', '3']);
});

test('a result is not kept', async () => {
  const flights = new RequestDeduplicator<number>();
  const run = jest.fn().mockResolvedValueOnce(1).mockResolvedValueOnce(2);
  expect(await flights.executeOrWait('k', run)).toBe(1);
  expect(await flights.executeOrWait('k', run)).toBe(2);
});

test.each([[new Error('no')], [undefined], [null], [0], [''], [false]])(
  'the failure %p reaches every caller and is not kept',
  async (reason) => {
    const flights = new RequestDeduplicator<number>();
    const work = new Work<number>();
    const all = Promise.allSettled([flights.executeOrWait('k', work.run), flights.executeOrWait('k', work.run)]);
    work.reject(reason);
    expect(await all).toEqual([
      { status: 'rejected', reason },
      { status: 'rejected', reason },
    ]);
    expect(flights.inFlight).toBe(0);
    expect(await flights.executeOrWait('k', () => Promise.resolve(7))).toBe(7);
  },
);

test('what run throws is a rejection and frees the key', async () => {
  const flights = new RequestDeduplicator<number>();
  const bug = new Error('bug');
  const promise = flights.executeOrWait('k', () => {
    throw bug;
  });
  await expect(promise).rejects.toBe(bug);
  expect(flights.inFlight).toBe(0);
  expect(await flights.executeOrWait('k', () => Promise.resolve(1))).toBe(1);
});

test('a flight as old as the window is left alone and the newcomer leads', async () => {
  const flights = new RequestDeduplicator<string>();
  const work = new Work<string>();
  const old = flights.executeOrWait('k', work.run);
  jest.advanceTimersByTime(999);
  const joined = flights.executeOrWait('k', work.run);
  expect(work.runs).toBe(1);
  jest.advanceTimersByTime(1);
  const young = flights.executeOrWait('k', work.run);
  expect(work.runs).toBe(2);
  expect(flights.inFlight).toBe(2);
  work.resolve('old', 0);
  expect(await Promise.all([old, joined])).toEqual(['old', 'old']);
  // The old flight's end must not free the slot of the younger one.
  const late = flights.executeOrWait('k', work.run);
  expect(work.runs).toBe(2);
  work.resolve('young', 1);
  expect(await Promise.all([young, late])).toEqual(['young', 'young']);
  expect(work.signals.some((signal) => signal.aborted)).toBe(false);
  expect(flights.stats).toEqual({ led: 2, joined: 2 });
});

test('work that has not been sent is joined whatever its age, which counts from the first time it is sent', async () => {
  const flights = new RequestDeduplicator<string>({ windowMs: 10 });
  const work = new Work<string>();
  let send = (): void => undefined;
  const first = flights.executeOrWait('k', (signal, sent) => {
    send = sent;
    return work.run(signal, () => undefined);
  });
  jest.advanceTimersByTime(1_000);
  const second = flights.executeOrWait('k', work.run);
  send();
  jest.advanceTimersByTime(9);
  send();
  const third = flights.executeOrWait('k', work.run);
  expect(work.runs).toBe(1);
  jest.advanceTimersByTime(1);
  const late = flights.executeOrWait('k', work.run);
  expect(work.runs).toBe(2);
  work.resolve('1', 0);
  work.resolve('2', 1);
  expect(await Promise.all([first, second, third, late])).toEqual(['1', '1', '1', '2']);
});

test('the window is an option', async () => {
  const flights = new RequestDeduplicator<string>({ windowMs: 10 });
  const work = new Work<string>();
  const first = flights.executeOrWait('k', work.run);
  jest.advanceTimersByTime(10);
  const second = flights.executeOrWait('k', work.run);
  work.resolve('1', 0);
  work.resolve('2', 1);
  expect(await Promise.all([first, second])).toEqual(['1', '2']);
});

test('the leader may leave: the work goes on for the others', async () => {
  const flights = new RequestDeduplicator<string>();
  const work = new Work<string>();
  const leader = new AbortController();
  const led = flights.executeOrWait('k', work.run, { signal: leader.signal });
  const joined = flights.executeOrWait('k', work.run, { signal: new AbortController().signal });
  const gone = new Error('gone');
  leader.abort(gone);
  await expect(led).rejects.toBe(gone);
  expect(work.signals[0]?.aborted).toBe(false);
  work.resolve('done');
  expect(await joined).toBe('done');
});

test('the work is cancelled when its last caller leaves, and can no longer be joined', async () => {
  const flights = new RequestDeduplicator<string>();
  const work = new Work<string>();
  const callers = [new AbortController(), new AbortController()];
  const all = callers.map(({ signal }) => flights.executeOrWait('k', work.run, { signal }));
  const outcomes = Promise.allSettled(all);
  callers[1]?.abort('b');
  expect(work.signals[0]?.aborted).toBe(false);
  let fresh: Promise<string> | undefined;
  // Even a newcomer in the very moment of the abort starts a fresh one.
  work.signals[0]?.addEventListener('abort', () => {
    fresh = flights.executeOrWait('k', work.run);
  });
  callers[0]?.abort('a');
  expect(await outcomes).toEqual([
    { status: 'rejected', reason: 'a' },
    { status: 'rejected', reason: 'b' },
  ]);
  expect(work.runs).toBe(2);
  work.reject(new Error('cancelled'), 0);
  await settled();
  expect(flights.inFlight).toBe(1);
  const joined = flights.executeOrWait('k', work.run);
  work.resolve('fresh', 1);
  expect(await Promise.all([fresh, joined])).toEqual(['fresh', 'fresh']);
  expect(work.signals[1]?.aborted).toBe(false);
});

test('the cancelled work may still succeed: nobody hears of it', async () => {
  const flights = new RequestDeduplicator<string>();
  const work = new Work<string>();
  const caller = new AbortController();
  const promise = flights.executeOrWait('k', work.run, { signal: caller.signal });
  caller.abort();
  await expect(promise).rejects.toMatchObject({ name: 'AbortError' });
  work.resolve('too late');
  await settled();
  expect(flights.inFlight).toBe(0);
});

test('a caller that has left before it came starts and joins nothing', async () => {
  const flights = new RequestDeduplicator<string>();
  const run = jest.fn();
  await expect(flights.executeOrWait('k', run, { signal: AbortSignal.abort('left') })).rejects.toBe('left');
  expect(run).not.toHaveBeenCalled();
  expect(flights.stats).toEqual({ led: 0, joined: 0 });
});

test('a caller that leaves while run is called leaves nothing behind', async () => {
  const flights = new RequestDeduplicator<string>();
  const caller = new AbortController();
  const seen: boolean[] = [];
  const promise = flights.executeOrWait(
    'k',
    (signal) => {
      caller.abort('left');
      seen.push(signal.aborted);
      return Promise.reject(new Error('cancelled'));
    },
    { signal: caller.signal },
  );
  await expect(promise).rejects.toBe('left');
  expect(seen).toEqual([true]);
  expect(flights.inFlight).toBe(0);
});

test('listeners are taken off the signals, also when the work fails', async () => {
  const flights = new RequestDeduplicator<number>();
  const { signal } = new AbortController();
  const add = jest.spyOn(signal, 'addEventListener');
  const remove = jest.spyOn(signal, 'removeEventListener');
  await flights.executeOrWait('k', () => Promise.resolve(1), { signal });
  await flights.executeOrWait('k', () => Promise.reject(new Error('no')), { signal }).catch(() => undefined);
  expect(add.mock.calls).toHaveLength(2);
  expect(remove.mock.calls.map(([, listener]) => listener)).toEqual(add.mock.calls.map(([, listener]) => listener));
});

test('a thousand followers cost one run, and each its own signal', async () => {
  const flights = new RequestDeduplicator<string>();
  const work = new Work<string>();
  const callers = Array.from({ length: 1_000 }, () => new AbortController());
  const outcomes = Promise.allSettled(callers.map(({ signal }) => flights.executeOrWait('k', work.run, { signal })));
  for (const caller of callers.slice(0, 500)) caller.abort('left');
  work.resolve('done');
  const statuses = (await outcomes).map(({ status }) => status);
  expect(statuses.filter((status) => status === 'rejected')).toHaveLength(500);
  expect(statuses.slice(500).every((status) => status === 'fulfilled')).toBe(true);
  expect(work.runs).toBe(1);
  expect(flights.stats).toEqual({ led: 1, joined: 999 });
});

test.each([0, -1, 1.5, NaN, Infinity])('the window cannot be %p', (windowMs) => {
  const create = (): unknown => new RequestDeduplicator({ windowMs });
  expect(create).toThrow(ConfigError);
  expect(create).toThrow(`share.windowMs must be an integer of at least 1, got ${String(windowMs)}`);
});

test(`whatever callers do, each gets its own flight’s end or its own abort (seed ${SEED})`, async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('call' as const), key: fc.constantFrom('a', 'b') }),
    fc.record({ do: fc.constantFrom('leave' as const, 'succeed' as const, 'fail' as const), which: fc.nat(20) }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 80 }) }),
  );
  interface Flown {
    readonly key: string;
    readonly startedAt: number;
    readonly signal: AbortSignal;
    readonly resolve: (value: string) => void;
    readonly reject: (reason: string) => void;
    callers: Set<number>;
    over: boolean;
  }
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const flights = new RequestDeduplicator<string>({ windowMs: 100 });
      const flown: Flown[] = [];
      const callers: { controller: AbortController; outcome: Promise<string>; expected: string | undefined }[] = [];
      const finish = (flight: Flown, expected: string): void => {
        for (const caller of flight.callers) (callers[caller] as (typeof callers)[0]).expected = expected;
        flight.callers.clear();
        flight.over = true;
      };
      for (const now of steps) {
        if (now.do === 'call') {
          const controller = new AbortController();
          const model = flown.findLast(
            ({ key, over, startedAt }) => key === now.key && !over && performance.now() - startedAt < 100,
          );
          let led: Flown | undefined;
          const promise = flights.executeOrWait(
            now.key,
            (signal, sent) =>
              new Promise((resolve, reject) => {
                sent();
                const startedAt = performance.now();
                led = { key: now.key, startedAt, signal, resolve, reject, callers: new Set(), over: false };
                flown.push(led);
              }),
            { signal: controller.signal },
          );
          expect(led === undefined).toBe(model !== undefined);
          (led ?? model)?.callers.add(callers.length);
          const outcome = promise.catch((reason: unknown) => String(reason));
          callers.push({ controller, outcome, expected: undefined });
        } else if (now.do === 'wait') {
          jest.advanceTimersByTime(now.ms);
        } else if (now.do === 'leave') {
          const caller = callers[now.which];
          const flight = flown.find((one) => one.callers.has(now.which));
          if (caller && flight) {
            caller.expected = `left ${String(now.which)}`;
            flight.callers.delete(now.which);
            flight.over = flight.callers.size === 0;
          }
          caller?.controller.abort(`left ${String(now.which)}`);
          if (flight) expect(flight.signal.aborted).toBe(flight.over);
        } else {
          const flight = flown[now.which];
          if (!flight) continue;
          flight[now.do === 'succeed' ? 'resolve' : 'reject'](`${now.do} ${String(now.which)}`);
          if (!flight.over) finish(flight, `${now.do} ${String(now.which)}`);
          await settled();
        }
        expect(flights.inFlight).toBe(flown.filter(({ over }) => !over).length);
      }
      for (const flight of flown) {
        flight.resolve('end');
        if (!flight.over) finish(flight, 'end');
      }
      expect(await Promise.all(callers.map(({ outcome }) => outcome))).toEqual(callers.map(({ expected }) => expected));
      expect(flights.inFlight).toBe(0);
      expect(flights.stats).toEqual({ led: flown.length, joined: callers.length - flown.length });
    }),
    { seed: SEED, numRuns: 300 },
  );
});
