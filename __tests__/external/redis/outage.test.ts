import { SmartCache } from '../../../lib/parts';
import { until } from '../../support/deferred';
import { Lab, text } from '../../support/lab';
import { type Answer, post } from '../../support/post';
import { ownFleet } from '../../support/redis-clients';
import { type Instance, instances } from '../../support/redis-instances';
import { RedisServer } from '../../support/redis-server';
import { type Served, serving } from '../../support/serve';
import { Callers } from '../../support/steady';

const serve = serving();
const TIMEOUT_MS = 100;
const READ = { annotations: { readOnlyHint: true } };
let redis: RedisServer;
let apps: Instance[] = [];
const told: string[] = [];
const note = (_fields: object, message: string): void => void told.push(message);

beforeEach(async () => {
  redis = await RedisServer.start();
  told.length = 0;
});
afterEach(async () => {
  for (const { end } of apps) await end();
  apps = [];
  await redis.end();
});

/**
 * Two instances before a lab whose read answers with the version that the write moves on, and one before the same lab that
 * has no Redis.
 */
async function two(): Promise<Served> {
  let version = 0;
  const lab = new Lab()
    .tool('read', () => new Promise((resolve) => setTimeout(resolve, 2, text(String(version)))), READ)
    .tool('write', () => text(String((version += 1))));
  const logger = { info: note, warn: note };
  const options = { servers: { lab: { connect: lab.connect } } };
  apps = await instances(serve, redis.port, 2, options, { timeoutMs: TIMEOUT_MS, logger });
  return serve({ ...options, cache: false, share: false });
}

const call = (index: number, tool: string, n = 0): Promise<Answer> =>
  post(`${apps[index % 2]?.url ?? ''}/lab/${tool}`, { args: { n } });

interface Timed {
  readonly at: number;
  readonly ms: number;
  readonly status: number;
  readonly isPlain: boolean;
}

function p99Of(calls: readonly Timed[]): number {
  const times = calls.map(({ ms }) => ms).sort((a, b) => a - b);
  return times[Math.floor(0.99 * times.length)] ?? 0;
}

const hit = async (index: number): Promise<boolean> =>
  (await call(index, 'read')).header('cache-status')?.includes('hit') === true;

async function hitsAgain(): Promise<number> {
  const begun = performance.now();
  for (const index of [0, 1]) await until(() => hit(index), 20_000);
  return Math.round(performance.now() - begun);
}

it('Redis killed, restarted and paused under load: no call fails, none waits long, and hits come back', async () => {
  const without = await two();
  const calls: Timed[] = [];
  // Every third call is one of the instance without Redis, which is as slow as the machine is.
  const callers = new Callers(9, async (number) => {
    const at = performance.now();
    const isPlain = number % 3 === 2;
    const { status } = isPlain
      ? await post(`${without.url}/lab/read`, { args: { n: number } })
      : await call(number, 'read', number % 50);
    calls.push({ at, ms: performance.now() - at, status, isPlain });
  });
  /** By how much the 99th percentile of the calls that began in a while is above that without Redis, in ms. */
  const during = async (): Promise<number> => {
    const from = performance.now();
    const { length } = calls;
    await until(() => performance.now() - from > 2_000 && calls.length > length + 600, 60_000);
    const [own, plain] = [false, true].map((which) =>
      p99Of(calls.filter(({ at, isPlain }) => at >= from && isPlain === which)),
    );
    return Math.round((own ?? 0) - (plain ?? 0));
  };
  const added: Record<string, number> = { healthy: await during() };
  await redis.kill();
  added.killed = await during();
  await redis.restart();
  const afterRestart = await hitsAgain();
  added.restarted = await during();
  redis.pause();
  added.paused = await during();
  redis.resume();
  const afterPause = await hitsAgain();
  added.resumed = await during();
  await callers.end();
  const failed = calls.filter(({ status }) => status !== 200).length;
  const figures = { calls: calls.length, failed, addedP99Ms: added, hitsAgainMs: { afterRestart, afterPause } };
  process.stdout.write(`outage: budget ${2 * TIMEOUT_MS} ms, ${JSON.stringify(figures)}\n`);
  expect(failed).toBe(0);
  for (const ms of Object.values(added)) expect(ms).toBeLessThan(2 * TIMEOUT_MS);
  // Once for each instance and each change.
  expect(told.filter((message) => message.includes('has failed')).length).toBeGreaterThanOrEqual(4);
  expect(told.length).toBeLessThanOrEqual(16);
  expect(told.slice(-2)).toEqual(Array(2).fill('mcpo: Redis has recovered and is used again'));
}, 120_000);

it('a write that Redis cannot be told of is answered soon, and told when it can be', async () => {
  await two();
  await hitsAgain();
  redis.pause();
  const begun = performance.now();
  const written = await call(0, 'write');
  const tookMs = Math.round(performance.now() - begun);
  const own = await call(0, 'read');
  const gauge = await apps[0]?.mcpo.registry.getSingleMetricAsString('mcpo_store_up');
  const errors = await apps[0]?.mcpo.registry.getSingleMetricAsString('mcpo_store_errors_total');
  redis.resume();
  const resumed = performance.now();
  await until(async () => (await call(1, 'read')).body === 1);
  process.stdout.write(
    `write while Redis is paused: answered after ${tookMs} ms; ` +
      `seen by the other instance ${Math.round(performance.now() - resumed)} ms after it went on\n`,
  );
  expect([written.status, own.body]).toEqual([200, 1]);
  expect(tookMs).toBeLessThan(3_000);
  expect(gauge).toContain('mcpo_store_up{store="cache:default"} 0');
  expect(errors).toMatch(/mcpo_store_errors_total\{store="(cache:default|share)"\} [1-9]/);
  await hitsAgain();
  expect((await call(0, 'read')).body).toBe(1);
}, 60_000);

it('Redis that takes no writes is left alone until it does', async () => {
  await two();
  await hitsAgain();
  await apps[0]?.sendCommand(['REPLICAOF', '127.0.0.1', '1']);
  const written = await call(0, 'write');
  expect([written.status, (await call(0, 'read')).body, (await call(0, 'read')).body]).toEqual([200, 1, 1]);
  await apps[0]?.sendCommand(['REPLICAOF', 'NO', 'ONE']);
  await until(async () => (await call(1, 'read')).body === 1);
  await hitsAgain();
  expect((await call(1, 'read')).body).toBe(1);
}, 60_000);

it('Redis that is full is as good as an empty one', async () => {
  await two();
  await hitsAgain();
  await apps[0]?.sendCommand(['CONFIG', 'SET', 'maxmemory', '1']);
  for (let n = 0; n < 20; n += 1) expect((await call(n, 'read', n)).status).toBe(200);
  expect((await call(0, 'write')).status).toBe(200);
  for (const index of [0, 1]) expect((await call(index, 'read')).body).toBe(1);
  await apps[0]?.sendCommand(['CONFIG', 'SET', 'maxmemory', '0']);
  await hitsAgain();
}, 60_000);

it('Redis that comes back with what it had saved gives out nothing of it', async () => {
  const saving = await RedisServer.start();
  const { fleet, sendCommand, end } = await ownFleet(saving.port, { local: false });
  try {
    const cache = new SmartCache({ store: fleet.store });
    const lookup = async (): Promise<string | undefined> => (await cache.lookup('key', 'docs')).entry?.body.toString();
    const save = async (text: string): Promise<boolean> =>
      cache.save('key', Buffer.from(text), { group: 'docs', generation: await cache.generation('docs') });
    await save('old');
    await sendCommand(['SAVE']);
    await cache.invalidate('docs');
    expect(await lookup()).toBeUndefined();
    await saving.kill();
    await until(async () => (await lookup()) === undefined && !fleet.isUp);
    await saving.restart();
    await until(() => fleet.isUp);
    expect(await lookup()).toBeUndefined();
    expect(await save('new')).toBe(true);
    expect(await lookup()).toBe('new');
  } finally {
    await end();
    await saving.end();
  }
}, 60_000);
