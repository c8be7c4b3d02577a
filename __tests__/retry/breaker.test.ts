import fc from 'fast-check';
import { ConfigError } from '../../lib/errors';
import { CircuitBreaker, type BreakerOptions, type BreakerState } from '../../lib/retry/breaker';
import { SEED } from '../support/seed';

const down = new Error('down');
const fail = (): Promise<never> => Promise.reject(down);
const succeed = (): Promise<string> => Promise.resolve('ok');
const open = { code: 'MCPO_BREAKER_OPEN', status: 503 };

/** A call that ends when the test says so. */
class Gate {
  resolve!: (value: string) => void;
  reject!: (reason: unknown) => void;
  readonly promise = new Promise<string>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });
  readonly run = jest.fn(() => this.promise);
}

let states: BreakerState[];

function breakerWith(options: Partial<BreakerOptions> = {}): CircuitBreaker {
  return new CircuitBreaker({
    isFailure: (error) => error === down,
    onStateChange: (state) => states.push(state),
    ...options,
  });
}

async function failTimes(breaker: CircuitBreaker, times: number): Promise<void> {
  for (let call = 0; call < times; call++) await expect(breaker.run(fail)).rejects.toBe(down);
}

/** A breaker whose time for a probe has come. */
async function readyToProbe(options?: Partial<BreakerOptions>): Promise<CircuitBreaker> {
  const breaker = breakerWith(options);
  await failTimes(breaker, 5);
  jest.advanceTimersByTime(5_000);
  return breaker;
}

beforeEach(() => {
  jest.useFakeTimers();
  states = [];
});

afterEach(() => {
  const timers = jest.getTimerCount();
  jest.restoreAllMocks();
  jest.useRealTimers();
  expect(timers).toBe(0);
});

test('closed, it passes on what calls come to', async () => {
  const breaker = breakerWith();
  expect(await breaker.run(succeed)).toBe('ok');
  await expect(breaker.run(fail)).rejects.toBe(down);
  expect(breaker.state).toBe('closed');
});

test('it opens after five failures in a row and then refuses without calling', async () => {
  const breaker = breakerWith({ name: 'docs' });
  await failTimes(breaker, 4);
  expect(breaker.state).toBe('closed');
  await failTimes(breaker, 1);
  expect(breaker.state).toBe('open');
  expect(states).toEqual(['open']);
  const call = jest.fn(succeed);
  jest.advanceTimersByTime(1_500);
  await expect(breaker.run(call)).rejects.toMatchObject({
    ...open,
    message: 'docs: not called after 5 connection failures in a row',
    headers: { 'Retry-After': '4' },
  });
  expect(call).not.toHaveBeenCalled();
});

test('a success between failures starts the count again', async () => {
  const breaker = breakerWith();
  await failTimes(breaker, 4);
  await breaker.run(succeed);
  await failTimes(breaker, 4);
  expect(breaker.state).toBe('closed');
});

test('an error that is no failure shows that the server answers', async () => {
  const breaker = breakerWith();
  const toolError = new Error('tool failed');
  await failTimes(breaker, 4);
  await expect(breaker.run(() => Promise.reject(toolError))).rejects.toBe(toolError);
  await failTimes(breaker, 4);
  expect(breaker.state).toBe('closed');
});

test('a call thrown instead of rejected counts too', async () => {
  const breaker = breakerWith({ threshold: 1 });
  const result = breaker.run(() => {
    throw down;
  });
  await expect(result).rejects.toBe(down);
  expect(breaker.state).toBe('open');
});

test('after the cooldown one call, and only one, finds out', async () => {
  const breaker = breakerWith();
  await failTimes(breaker, 5);
  jest.advanceTimersByTime(4_999);
  expect(breaker.state).toBe('open');
  jest.advanceTimersByTime(1);
  expect(breaker.state).toBe('half-open');
  const probe = new Gate();
  const result = breaker.run(probe.run);
  const other = jest.fn(succeed);
  await expect(breaker.run(other)).rejects.toMatchObject({ ...open, headers: { 'Retry-After': '1' } });
  expect(other).not.toHaveBeenCalled();
  probe.resolve('back');
  expect(await result).toBe('back');
  expect(breaker.state).toBe('closed');
  expect(states).toEqual(['open', 'half-open', 'closed']);
  expect(await breaker.run(succeed)).toBe('ok');
  await failTimes(breaker, 4);
  expect(breaker.state).toBe('closed');
});

test('each failed probe doubles the cooldown, up to thirty seconds; a success resets it', async () => {
  const breaker = await readyToProbe();
  for (const cooldownMs of [10_000, 20_000, 30_000, 30_000]) {
    await failTimes(breaker, 1);
    jest.advanceTimersByTime(cooldownMs - 1);
    expect(breaker.state).toBe('open');
    jest.advanceTimersByTime(1);
    expect(breaker.state).toBe('half-open');
  }
  await breaker.run(succeed);
  await failTimes(breaker, 5);
  jest.advanceTimersByTime(5_000);
  expect(breaker.state).toBe('half-open');
});

test('a cooldown above thirty seconds stays as it is', async () => {
  const breaker = breakerWith({ threshold: 1, cooldownMs: 60_000 });
  for (let round = 0; round < 2; round++) {
    await failTimes(breaker, 1);
    jest.advanceTimersByTime(59_999);
    expect(breaker.state).toBe('open');
    jest.advanceTimersByTime(1);
  }
  expect(breaker.state).toBe('half-open');
});

test('a probe whose caller leaves makes room for the next, even if it never ends', async () => {
  const breaker = await readyToProbe();
  const caller = new AbortController();
  const first = new Gate();
  const abandoned = breaker.run(first.run, { signal: caller.signal });
  caller.abort();
  expect(breaker.state).toBe('half-open');
  const second = new Gate();
  const result = breaker.run(second.run);
  expect(second.run).toHaveBeenCalledTimes(1);
  // The late end of the abandoned probe says nothing.
  first.reject(down);
  await expect(abandoned).rejects.toBe(down);
  expect(breaker.state).toBe('half-open');
  await expect(breaker.run(succeed)).rejects.toMatchObject(open);
  second.resolve('back');
  await result;
  expect(states).toEqual(['open', 'half-open', 'closed']);
});

test('a caller that has left already makes no probe', async () => {
  const breaker = await readyToProbe();
  const call = jest.fn(succeed);
  await expect(breaker.run(call, { signal: AbortSignal.abort('gone') })).rejects.toBe('gone');
  expect(call).not.toHaveBeenCalled();
  expect(await breaker.run(succeed)).toBe('ok');
});

test('the end of a call whose caller left does not count', async () => {
  const breaker = breakerWith();
  await failTimes(breaker, 4);
  const left = breaker.run(fail, { signal: AbortSignal.abort() });
  await expect(left).rejects.toBe(down);
  expect(breaker.state).toBe('closed');
  await failTimes(breaker, 1);
  expect(breaker.state).toBe('open');
});

test('calls from before it opened change nothing any more', async () => {
  const breaker = breakerWith();
  const [good, bad] = [new Gate(), new Gate()];
  const early = [breaker.run(good.run), breaker.run(bad.run)];
  await failTimes(breaker, 5);
  good.resolve('late');
  bad.reject(down);
  await Promise.allSettled(early);
  expect(breaker.state).toBe('open');
  jest.advanceTimersByTime(5_000);
  expect(breaker.state).toBe('half-open');
  expect(states).toEqual(['open']);
});

test('listeners are taken off the probe’s signal', async () => {
  const breaker = await readyToProbe();
  const { signal } = new AbortController();
  const add = jest.spyOn(signal, 'addEventListener');
  const remove = jest.spyOn(signal, 'removeEventListener');
  await breaker.run(succeed, { signal });
  await breaker.run(succeed, { signal });
  expect(add).toHaveBeenCalledTimes(1);
  expect(remove).toHaveBeenCalledTimes(1);
});

test('an observer that throws becomes a warning, and the breaker works on', async () => {
  const warning = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  const thrown: unknown[] = [new Error('one'), 'two', 'three'];
  const breaker = await readyToProbe({
    onStateChange: () => {
      throw thrown.shift();
    },
  });
  expect(await breaker.run(succeed)).toBe('ok');
  expect(breaker.state).toBe('closed');
  expect(warning.mock.calls).toEqual([[new Error('one')], ['two'], ['three']]);
});

test('an observer that makes a call is no second probe', async () => {
  const call = jest.fn(succeed);
  let refused: unknown;
  const breaker: CircuitBreaker = await readyToProbe({
    onStateChange: (state) => {
      if (state === 'half-open') breaker.run(call).catch((error: unknown) => (refused = error));
    },
  });
  await breaker.run(succeed);
  expect(refused).toMatchObject(open);
  expect(call).not.toHaveBeenCalled();
});

test('a predicate that throws counts nothing and keeps no probe', async () => {
  const warning = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  const isFailure = jest.fn((error: unknown) => error === down);
  const breaker = await readyToProbe({ isFailure });
  const bug = new Error('bug');
  isFailure.mockImplementationOnce(() => {
    throw bug;
  });
  await expect(breaker.run(fail)).rejects.toBe(down);
  expect(warning.mock.calls).toEqual([[bug]]);
  expect(breaker.state).toBe('half-open');
  expect(await breaker.run(succeed)).toBe('ok');
  expect(breaker.state).toBe('closed');
});

test(`one probe at a time, and it always comes back (seed ${SEED})`, async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('call' as const) }),
    fc.record({ do: fc.constantFrom('succeed' as const, 'fail' as const, 'leave' as const), which: fc.nat(12) }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 400 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
      const breaker = breakerWith({ threshold: 2, cooldownMs: 100 });
      const calls: { gate: Gate; caller: AbortController; probe: boolean; over: boolean }[] = [];
      for (const now of steps) {
        if (now.do === 'call') {
          const one = {
            gate: new Gate(),
            caller: new AbortController(),
            probe: breaker.state !== 'closed',
            over: false,
          };
          const busy = breaker.state === 'open' || calls.some(({ probe, over }) => probe && !over);
          const refused = one.probe && busy;
          const { signal } = one.caller;
          breaker.run(one.gate.run, { signal }).catch(() => undefined);
          expect(one.gate.run).toHaveBeenCalledTimes(refused ? 0 : 1);
          if (!refused) calls.push(one);
        } else if (now.do === 'wait') {
          jest.advanceTimersByTime(now.ms);
        } else {
          const one = calls[now.which];
          if (!one) continue;
          one.over = true;
          if (now.do === 'leave') one.caller.abort();
          else if (now.do === 'succeed') one.gate.resolve('ok');
          else one.gate.reject(down);
          await jest.advanceTimersByTimeAsync(0);
        }
      }
      for (const { caller } of calls) caller.abort();
      jest.advanceTimersByTime(30_000);
      expect(await breaker.run(succeed)).toBe('ok');
      expect(breaker.state).toBe('closed');
    }),
    { seed: SEED, numRuns: 300 },
  );
});

test.each([
  [{ threshold: 0 }, 'breaker.threshold must be an integer from 1 to'],
  [{ threshold: 2.5 }, 'breaker.threshold'],
  [{ cooldownMs: 0 }, 'breaker.cooldownMs must be an integer from 1 to'],
  [{ cooldownMs: Infinity }, 'breaker.cooldownMs'],
])('%j is refused', (options, message) => {
  const create = (): unknown => breakerWith(options);
  expect(create).toThrow(ConfigError);
  expect(create).toThrow(message);
});
