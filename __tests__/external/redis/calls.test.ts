import { until } from '../../support/deferred';
import { GatedLab } from '../../support/gated-lab';
import { text } from '../../support/lab';
import { type Answer, caller, post } from '../../support/post';
import { type Instance, instances } from '../../support/redis-instances';
import { RedisServer } from '../../support/redis-server';
import { serving } from '../../support/serve';
import { RequestDeduplicator } from '../../../lib/share/deduplicator';

const serve = serving();
let redis: RedisServer;
let apps: Instance[] = [];

beforeAll(async () => {
  redis = await RedisServer.start();
});
afterEach(async () => {
  for (const { end } of apps) await end();
  apps = [];
});
afterAll(() => redis.end());

const lab = (): GatedLab =>
  new GatedLab()
    .tool('read', { readOnlyHint: true })
    .tool('get_time', { readOnlyHint: true })
    .tool('bump', { readOnlyHint: false, idempotentHint: true })
    .tool('fail', { readOnlyHint: true }, (number) => ({ ...text(number), isError: true }));

/** Three instances before one lab, which share under a prefix of their own. */
async function three(prefix: string, at = lab(), fleet: object = {}): Promise<[GatedLab, ...Instance[]]> {
  apps = await instances(serve, redis.port, 3, { servers: { lab: at.server } }, { prefix: `${prefix}:`, ...fleet });
  return [at, ...apps];
}

const urlOf = (index: number, tool = 'read'): string => `${apps[index % apps.length]?.url ?? ''}/lab/${tool}`;

/** Waits until one instance works, and others wait for it. */
async function waiting(at: GatedLab, others: number): Promise<void> {
  await until(() => at.begun === 1 && apps.filter(({ looks }) => looks() > 0).length === others);
}

it.each([
  ['messages', {}],
  ['no messages', { subscribe: undefined }],
])('300 equal calls over three instances run once, and 300 more not at all (%s)', async (kind, fleet) => {
  const [at] = await three(`equal ${kind}`, lab(), fleet);
  const call = (count: number): Promise<Answer[]> =>
    Promise.all(Array.from({ length: count }, (_, index) => post(urlOf(index), { args: { a: 1 } })));
  const joins = jest.spyOn(RequestDeduplicator.prototype, 'executeOrWait');
  const first = call(300);
  await waiting(at, 2);
  // All lead or have joined: the metric tells that at their end alone.
  await until(() => joins.mock.calls.length === 300);
  joins.mockRestore();
  at.openAll();
  const answers = await first;
  expect(new Set(answers.map(({ status, body }) => `${status} ${JSON.stringify(body)}`))).toEqual(new Set(['200 1']));
  expect(at.begun).toBe(1);
  await until(async () => (await post(urlOf(1), { args: { a: 1 } })).header('cache-status')?.includes('hit') === true);
  const again = await call(300);
  expect(new Set(again.map(({ status, body }) => `${status} ${JSON.stringify(body)}`))).toEqual(new Set(['200 1']));
  process.stdout.write(`equal calls (${kind}): 300 + 300 over 3 instances, ${at.begun} execution\n`);
  expect(at.begun).toBe(1);
});

it('says of those that waited for another instance that they are collapsed', async () => {
  const [at, first, second] = await three('collapsed');
  const one = post(urlOf(0));
  await until(() => at.begun === 1);
  const two = post(urlOf(1));
  await waiting(at, 1);
  at.openAll();
  expect((await one).header('cache-status')).toMatch(/fwd=miss$/);
  expect((await two).header('cache-status')).toMatch(/fwd=miss; collapsed/);
  expect(await second?.mcpo.registry.getSingleMetricAsString('mcpo_shared_calls_total')).toContain('tool="read"} 1');
  expect(await first?.mcpo.registry.getSingleMetricAsString('mcpo_store_up')).toContain('{store="cache:default"} 1');
  expect(await first?.mcpo.registry.getSingleMetricAsString('mcpo_store_up')).toContain('{store="share"} 1');
});

it('tools that tell the time are not shared', async () => {
  const [at] = await three('uncached');
  const both = [post(urlOf(0, 'get_time')), post(urlOf(1, 'get_time'))];
  await until(() => at.begun === 2);
  at.openAll();
  expect((await Promise.all(both)).map(({ body }) => body).sort()).toEqual([1, 2]);
  expect((await post(urlOf(2, 'get_time'))).body).toBe(3);
});

it('tools that write are never shared between instances, even idempotent ones', async () => {
  const [at] = await three('writes');
  const both = [post(urlOf(0, 'bump')), post(urlOf(1, 'bump'))];
  await until(() => at.begun === 2);
  at.openAll();
  expect((await Promise.all(both)).map(({ body }) => body).sort()).toEqual([1, 2]);
});

it('a failure reaches those that wait, and is not kept', async () => {
  const [at] = await three('failure');
  const both = [post(urlOf(0, 'fail')), post(urlOf(1, 'fail'))];
  await waiting(at, 1);
  at.openAll();
  for (const { status, body } of await Promise.all(both)) {
    expect([status, body]).toEqual([500, expect.objectContaining({ code: 'MCPO_TOOL_ERROR', detail: '1' })]);
  }
  expect((await post(urlOf(2, 'fail'))).body).toMatchObject({ detail: '2' });
});

it('when the last caller of the instance that works leaves, another takes its place', async () => {
  const [at] = await three('left');
  const first = caller(urlOf(0));
  await until(() => at.begun === 1);
  const other = post(urlOf(1));
  await waiting(at, 1);
  first.leave();
  expect(await first.answer).toBeUndefined();
  await until(() => at.begun === 2);
  at.openAll();
  expect((await other).body).toBe(2);
});

it('a caller who leaves while another instance works takes nobody with it', async () => {
  const [at, , second] = await three('waiter');
  const first = post(urlOf(0));
  await until(() => at.begun === 1);
  const other = caller(urlOf(1));
  await waiting(at, 1);
  other.leave();
  expect(await other.answer).toBeUndefined();
  await until(() => second?.mcpo.stats.running === 0);
  at.openAll();
  expect((await first).body).toBe(1);
  expect(at.begun).toBe(1);
});

it('what only one instance could not do, another does', async () => {
  const at = lab();
  apps = await instances(serve, redis.port, 2, { servers: { lab: at.server } }, { prefix: 'queue:' });
  // The first instance has its only permit taken, and nobody may wait.
  const [first] = apps;
  first?.mcpo.limiter.setMaxConcurrent(1);
  const busy = post(urlOf(0), { args: { busy: true } });
  await until(() => at.begun === 1);
  const refused = post(urlOf(0), { args: { a: 1 } });
  await until(() => first?.mcpo.limiter.waiting === 1);
  const other = post(urlOf(1), { args: { a: 1 } });
  await until(() => (apps[1]?.looks() ?? 0) > 0);
  await first?.mcpo.close();
  expect((await refused).status).toBe(503);
  await until(() => at.begun === 2);
  at.openAll();
  expect((await other).status).toBe(200);
  await busy;
});
