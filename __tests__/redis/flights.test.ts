import { Answer, type FleetFlight, McpoError } from '../../lib';
import { decodeAnswer, encodeAnswer } from '../../lib/calls/fleet-answer';
import { type RedisFleet, redisFleet } from '../../lib/redis';
import { deferred, until } from '../support/deferred';
import { FakeRedis } from '../support/fake-redis';
import { silent } from '../support/loggers';

const fleets: RedisFleet[] = [];
afterEach(async () => {
  for (const fleet of fleets.splice(0)) await fleet.close();
});

function two(redis: FakeRedis, options: object = {}): [RedisFleet, RedisFleet] {
  const { sendCommand, subscribe } = redis;
  const make = (): RedisFleet => redisFleet({ sendCommand, subscribe, logger: silent, ...options });
  const both: [RedisFleet, RedisFleet] = [make(), make()];
  fleets.push(...both);
  return both;
}

const flight = (signal = new AbortController().signal, windowMs = 60_000): FleetFlight => ({
  ...{ group: 'docs', key: 'key', windowMs, maxWaitMs: windowMs },
  signal,
});
const never = (): Promise<Buffer> => Promise.reject(new Error('must not run'));

it.each([
  ['small', Buffer.from('small')],
  ['compressed', Buffer.alloc(100_000, 'a')],
])('the answer of one reaches the other (%s)', async (_kind, answer) => {
  const redis = new FakeRedis();
  const [a, b] = two(redis);
  const gate = deferred<Buffer>();
  const first = a.flights.execute(flight(), () => gate.promise);
  await until(() => redis.commands.includes('EVAL'));
  const second = b.flights.execute(flight(), never);
  await until(() => redis.commands.includes('MGET'));
  gate.resolve(answer);
  expect([await first, (await second)?.equals(answer)]).toEqual([answer, true]);
});

it.each([
  ['is too large to be handed on', Buffer.alloc(2 ** 20 + 1)],
  ['is nobody else’s', undefined],
])('each makes its own when the answer %s', async (_kind, answer) => {
  const redis = new FakeRedis();
  const [a, b] = two(redis);
  const gate = deferred<Buffer | undefined>();
  const first = a.flights.execute(flight(), () => gate.promise);
  await until(() => redis.commands.includes('EVAL'));
  const second = b.flights.execute(flight(), () => Promise.resolve(Buffer.from('own')));
  await until(() => redis.commands.includes('MGET'));
  gate.resolve(answer);
  expect(await first).toBe(answer);
  expect((await second)?.toString()).toBe('own');
});

it.each([
  ['of an unknown kind', Buffer.from([7, 1])],
  ['that cannot be unpacked', Buffer.from([1, 255, 255])],
])('each makes its own when an answer is one %s', async (_kind, answer) => {
  const redis = new FakeRedis();
  const holder = 'a'.repeat(16);
  const lock = 'mcpo:1:{docs}:f:key';
  await redis.sendCommand(['SET', lock, `${holder}${Date.now()}`, 'PX', '60000']);
  await redis.sendCommand(['SET', `${lock}:${holder}`, answer, 'PX', '60000']);
  const [{ flights }] = two(redis);
  expect(String(await flights.execute(flight(), () => Promise.resolve(Buffer.from('own'))))).toBe('own');
  expect(flights.health).toEqual({ isUp: true, errors: 0 });
});

it('nobody joins what is older than the window, and who has left waits no longer', async () => {
  const redis = new FakeRedis();
  const [a, b] = two(redis);
  const gate = deferred<Buffer>();
  const first = a.flights.execute(flight(), () => gate.promise);
  await until(() => redis.commands.includes('EVAL'));
  expect((await b.flights.execute(flight(undefined, 0), () => Promise.resolve(Buffer.from('own'))))?.length).toBe(3);
  const leaves = new AbortController();
  const second = b.flights.execute(flight(leaves.signal), never);
  await until(() => redis.commands.includes('MGET'));
  leaves.abort(new Error('left'));
  await expect(second).rejects.toThrow('left');
  gate.resolve(Buffer.from('1'));
  await first;
});

it('the lock is kept while its holder works', async () => {
  const redis = new FakeRedis();
  const [a, b] = two(redis, { leaseMs: 100, subscribe: undefined });
  const gate = deferred<Buffer>();
  const first = a.flights.execute(flight(), () => gate.promise);
  await until(() => redis.commands.filter((name) => name === 'EVALSHA').length > 4);
  const second = b.flights.execute(flight(), never);
  await until(() => redis.commands.filter((name) => name === 'MGET').length > 3);
  gate.resolve(Buffer.from('1'));
  expect([String(await first), String(await second)]).toEqual(['1', '1']);
});

describe('who waits runs alone', () => {
  const LOCK = 'mcpo:1:{docs}:f:key';
  const own = (): Promise<Buffer> => Promise.resolve(Buffer.from('own'));
  const hold = (redis: FakeRedis, holder: string, since: unknown = Date.now()): Promise<unknown> =>
    redis.sendCommand(['SET', LOCK, `${holder.repeat(16)}${String(since)}`, 'PX', '600000']);

  it('when a lock has no age', async () => {
    const redis = new FakeRedis();
    await hold(redis, 'a', 'nonsense');
    expect(String(await two(redis)[0].flights.execute(flight(), own))).toBe('own');
  });

  it('after the window, when a lock is never given back', async () => {
    const redis = new FakeRedis();
    await hold(redis, 'a');
    expect(String(await two(redis)[0].flights.execute(flight(undefined, 200), own))).toBe('own');
  });

  it('after the second that has gone', async () => {
    const redis = new FakeRedis();
    await hold(redis, 'a');
    const answer = two(redis)[0].flights.execute(flight(), own);
    const looked = async (): Promise<void> => {
      redis.commands.length = 0;
      await until(() => redis.commands.filter((name) => name === 'MGET').length > 1);
    };
    await looked();
    await hold(redis, 'b');
    await looked();
    await hold(redis, 'c');
    expect(String(await answer)).toBe('own');
  });
});

it('a lock that was got too late is given back, although Redis is not used any more', async () => {
  const redis = new FakeRedis();
  const [a, b] = two(redis, { timeoutMs: 20, leaseMs: 600_000 });
  const gate = deferred();
  redis.before = () => gate.promise;
  expect(String(await a.flights.execute(flight(), () => Promise.resolve(Buffer.from('a'))))).toBe('a');
  expect(a.isUp).toBe(false);
  redis.before = () => undefined;
  gate.resolve();
  await until(() => redis.commands.filter((name) => name === 'EVAL').length > 1);
  expect(String(await b.flights.execute(flight(), () => Promise.resolve(Buffer.from('b'))))).toBe('b');
});

it('without Redis everybody works alone, and nothing may be shared', async () => {
  const redis = new FakeRedis();
  const [{ flights }] = two(redis);
  expect(await flights.generation('docs')).toEqual(expect.any(String));
  redis.before = () => Promise.reject(new Error('gone'));
  expect(await flights.generation('docs')).toBeUndefined();
  expect(String(await flights.execute(flight(), () => Promise.resolve(Buffer.from('own'))))).toBe('own');
  await flights.dropGroup('docs', 0);
  expect(flights.health).toEqual({ isUp: false, errors: 1 });
});

it('an end is told to others as a caller may see it', () => {
  const body = Buffer.from('{"a":1}');
  const told = (error: McpoError): unknown => {
    const bytes = encodeAnswer({ error });
    return bytes && decodeAnswer(bytes);
  };
  expect(decodeAnswer(encodeAnswer({ answer: new Answer(body) }) ?? body)).toEqual({ answer: new Answer(body) });
  const withCompanions = { answer: new Answer(body, 2) };
  expect(decodeAnswer(encodeAnswer(withCompanions) ?? body)).toEqual(withCompanions);
  const lost = new McpoError('MCPO_CONNECTION_LOST', 'gone', {
    outcome: 'unknown',
    headers: { A: 'b', 'Retry-After': '7' },
    cause: 1,
  });
  expect(told(lost)).toEqual({
    error: expect.objectContaining({
      code: lost.code,
      message: 'gone',
      outcome: 'unknown',
      headers: { 'Retry-After': '7' },
    }),
  });
  expect(encodeAnswer({ error: lost })?.toString()).not.toContain('cause');
  for (const code of ['MCPO_QUEUE_FULL', 'MCPO_CALLER_GONE'] as const) {
    expect(told(new McpoError(code, 'own matter'))).toBeUndefined();
  }
  for (const nonsense of ['\0', '\0{', '\0null', '\0{"code":"NEW"}', '\0{"code":"MCPO_TIMEOUT"}', '\u0002{}', '']) {
    expect(decodeAnswer(Buffer.from(nonsense))).toBeUndefined();
  }
  const forged = {
    code: 'MCPO_TIMEOUT',
    detail: 'd',
    headers: { Allow: 'GET\r\nX: y', 'Set-Cookie': 'a' },
    errors: [1],
  };
  const { error } = decodeAnswer(Buffer.from(`\0${JSON.stringify(forged)}`)) as { error: McpoError };
  expect([error.headers, error.errors]).toEqual([{}, []]);
});
