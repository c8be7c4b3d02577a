import { availableParallelism } from 'node:os';
import type { McpoOptions, McpoRouter, Permit, ToolCall } from '../../lib/index';
import { Canceller } from '../../lib/util/cancellation';
import { limit } from '../../lib/calls/limit';
import { deferred, until } from '../support/deferred';
import { GatedLab } from '../support/gated-lab';
import { type Answer, caller, post } from '../support/post';
import { serving } from '../support/serve';

const serve = serving(undefined, { cache: true });

interface Desk {
  readonly lab: GatedLab;
  readonly other: GatedLab;
  readonly mcpo: McpoRouter;
  readonly call: (path: string, args?: object) => Promise<Answer>;
  readonly url: string;
}

/** A server with tools of which nothing is known, so that every call runs by itself. */
function desk(options: Partial<McpoOptions> = {}): Promise<Desk> {
  return desks(options, {}, () => ({}));
}

/** Two such servers. */
async function desks(
  options: Partial<McpoOptions> = {},
  server: object = {},
  others = (other: GatedLab): McpoOptions['servers'] => ({ other: other.server }),
): Promise<Desk> {
  const lab = new GatedLab().tool('slow').tool('slower').tool('quick').tool('read', { readOnlyHint: true });
  const other = new GatedLab().tool('slow');
  const servers = { lab: { ...lab.server, ...server }, ...others(other) };
  const { mcpo, url } = await serve({ servers, ...options });
  return { lab, other, mcpo, url, call: (path, args) => post(`${url}/${path}`, { args: args ?? {} }) };
}

/** What has been answered so far. */
function collect(answers: readonly Promise<Answer>[]): Answer[] {
  const soFar: Answer[] = [];
  for (const answer of answers) void answer.then((given) => soFar.push(given));
  return soFar;
}

/** How many calls wait, by `/metrics`. */
async function waiting(url: string): Promise<number> {
  const metrics = await fetch(`${url}/metrics?format=json`);
  return ((await metrics.json()) as { concurrency: { waiting: number } }).concurrency.waiting;
}

/** Many equal calls at once. */
const many = <T>(count: number, call: () => Promise<T>): Promise<T>[] => Array.from({ length: count }, call);

function expectRefusal(answer: Answer | undefined, code: string, detail: string): void {
  expect(answer).toMatchObject({ status: 503, body: { status: 503, code, detail: expect.stringContaining(detail) } });
  expect(answer?.header('retry-after')).toBe('1');
  expect(answer?.header('content-type')).toBe('application/problem+json');
}

it('of 100 calls 10 run, 20 wait and 70 are refused at once', async () => {
  const { lab, mcpo, call } = await desk({ concurrency: { maxConcurrent: 10, maxQueue: 20 } });
  const calls = many(100, () => call('lab/slow'));
  const answers = collect(calls);
  await until(() => answers.length === 70 && lab.begun === 10);
  for (const answer of answers) expectRefusal(answer, 'MCPO_QUEUE_FULL', 'the router: 20 calls are waiting already');
  expect([lab.running, mcpo.limiter.current, mcpo.limiter.waiting]).toEqual([10, 10, 20]);
  lab.openAll();
  const all = await Promise.all(calls);
  expect(all.filter(({ status }) => status === 200)).toHaveLength(30);
  expect([lab.begun, lab.peak]).toEqual([30, 10]);
  expect([mcpo.limiter.current, mcpo.limiter.waiting, mcpo.limiter.peak]).toEqual([0, 0, 10]);
});

it('a cached result is given while the limit is full', async () => {
  const { lab, call } = await desk({ concurrency: { maxConcurrent: 1, maxQueue: 0 } });
  const read = call('lab/read');
  await until(() => lab.begun === 1);
  lab.open(1);
  await read;
  const slow = call('lab/slow');
  await until(() => lab.begun === 2);
  expectRefusal(await call('lab/read', { other: 'arguments' }), 'MCPO_QUEUE_FULL', 'the router');
  const hit = await call('lab/read');
  expect(hit).toMatchObject({ status: 200, body: 1 });
  expect(hit.header('cache-status')).toContain('hit');
  lab.openAll();
  expect((await slow).status).toBe(200);
});

it('lowered and raised under load, the limit is kept and no permit is lost', async () => {
  const { lab, mcpo, call } = await desk({ concurrency: { maxConcurrent: 10 } });
  const calls = many(100, () => call('lab/slow'));
  await until(() => lab.begun === 10 && mcpo.limiter.waiting === 90);

  mcpo.limiter.setMaxConcurrent(2);
  for (let ended = 1; ended <= 8; ended += 1) {
    lab.open(ended);
    await until(() => mcpo.limiter.current === 10 - ended);
    expect(lab.begun).toBe(10);
  }
  for (let begun = 11; begun <= 20; begun += 1) {
    lab.open(begun - 2);
    await until(() => lab.begun === begun);
    expect([lab.running, mcpo.limiter.current]).toEqual([2, 2]);
  }

  mcpo.limiter.setMaxConcurrent(50);
  await until(() => lab.running === 50);
  expect([lab.begun, mcpo.limiter.current, mcpo.limiter.waiting]).toEqual([68, 50, 32]);
  lab.openAll();
  for (const answer of await Promise.all(calls)) expect(answer.status).toBe(200);
  expect([lab.begun, lab.peak]).toEqual([100, 50]);
  expect([mcpo.limiter.current, mcpo.limiter.waiting]).toEqual([0, 0]);
});

it('changed several times at once, the last limit is exact', async () => {
  const { lab, mcpo, call } = await desk({ concurrency: { maxConcurrent: 4 } });
  const calls = many(9, () => call('lab/slow'));
  await until(() => lab.begun === 4 && mcpo.limiter.waiting === 5);
  for (const maxConcurrent of [1, 6, 2, 3]) mcpo.limiter.setMaxConcurrent(maxConcurrent);
  lab.open(4);
  await until(() => lab.begun === 7);
  expect([lab.running, mcpo.limiter.current, mcpo.limiter.waiting]).toEqual([3, 3, 2]);
  lab.openAll();
  for (const answer of await Promise.all(calls)) expect(answer.status).toBe(200);
  expect([lab.peak, mcpo.limiter.current, mcpo.limiter.waiting]).toEqual([4, 0, 0]);
});

it('a server may have a limit of its own, which leaves the others alone', async () => {
  const { lab, other, mcpo, call } = await desks({}, { concurrency: { maxConcurrent: 2, maxQueue: 1 } });
  const calls = [...many(4, () => call('lab/slow')), ...many(4, () => call('other/slow'))];
  const answers = collect(calls);
  await until(() => answers.length === 1 && lab.begun === 2 && other.begun === 4);
  expectRefusal(answers[0], 'MCPO_QUEUE_FULL', 'server lab: 1 calls are waiting already');
  // A call that waits for its server holds none of the router's permits.
  expect([mcpo.limiter.current, mcpo.limiter.waiting]).toEqual([6, 0]);
  lab.openAll();
  other.openAll();
  expect((await Promise.all(calls)).filter(({ status }) => status === 200)).toHaveLength(7);
  expect([lab.peak, mcpo.limiter.current]).toEqual([2, 0]);
});

it('one caller of a slow server shuts out neither the callers of another server nor others of the same one', async () => {
  const principal: McpoOptions['principal'] = (req) => String(req.headers['x-who']);
  const { lab, other, mcpo, url } = await desks({ principal });
  const refused: unknown[] = [];
  const flood = many(1_150, () => mcpo.callTool('lab', 'slow', {}, { principal: 'busy' })).map((call) =>
    call.catch((error: unknown) => refused.push(error)),
  );
  await until(async () => lab.begun === 80 && (await waiting(url)) === 1_000);
  expect([mcpo.limiter.current, mcpo.limiter.waiting, refused.length]).toEqual([80, 0, 70]);
  other.openAll();
  const headers = { 'x-who': 'other' };
  for (let call = 0; call < 3; call += 1) expect((await post(`${url}/other/slow`, { headers })).status).toBe(200);
  const same = post(`${url}/lab/slow`, { headers, args: { who: 'other' } });
  await until(() => refused.length === 71);
  for (const error of refused) expect(error).toMatchObject({ code: 'MCPO_QUEUE_FULL', status: 503 });
  // It is its turn after one of the thousand.
  lab.open(2);
  await until(() => lab.begun === 82);
  expect(lab.args[81]).toEqual({ who: 'other' });
  lab.openAll();
  expect((await same).status).toBe(200);
  await Promise.all(flood);
  expect([lab.peak, refused.length, mcpo.limiter.current, await waiting(url)]).toEqual([80, 71, 0, 0]);
});

it('the share of a server is four fifths of the limit of the router, whatever that is now, and at least one', async () => {
  const { lab, other, mcpo, url } = await desks(
    { concurrency: { maxConcurrent: 10 } },
    { concurrency: { maxConcurrent: 9 } },
  );
  const calls = many(30, () => mcpo.callTool('lab', 'slow'));
  await until(async () => lab.begun === 8 && (await waiting(url)) === 22);
  mcpo.limiter.setMaxConcurrent(20);
  await until(() => lab.begun === 9);
  mcpo.limiter.setMaxConcurrent(1);
  const elsewhere = mcpo.callTool('other', 'slow');
  await until(() => mcpo.limiter.waiting === 1);
  lab.open(9);
  other.openAll();
  await elsewhere;
  await until(() => lab.begun === 10);
  expect([lab.running, mcpo.limiter.current]).toEqual([1, 1]);
  lab.openAll();
  await Promise.all(calls);
  expect([lab.peak, mcpo.limiter.current]).toEqual([9, 0]);
});

it('one server alone may hold all permits', async () => {
  const { lab, mcpo } = await desk({ concurrency: { maxConcurrent: 10 } });
  const calls = many(10, () => mcpo.callTool('lab', 'slow'));
  await until(() => lab.begun === 10);
  lab.openAll();
  await Promise.all(calls);
});

it('tools may have limits by patterns, each tool its own; the first that fits wins', async () => {
  const tools = { 'lab/slow*': 1, 'lab/*': { maxConcurrent: 3, maxQueue: 0 } };
  const { lab, mcpo, call } = await desk({ concurrency: { tools, queueTimeoutMs: 5_000 } });
  const calls = ['slow', 'slow', 'slower', 'quick', 'quick', 'quick'].map((tool) => call(`lab/${tool}`));
  await until(() => lab.begun === 5);
  expect(Object.fromEntries(lab.lab.runs)).toEqual({ slow: 1, slower: 1, quick: 3 });
  expectRefusal(await call('lab/quick'), 'MCPO_QUEUE_FULL', 'tool lab/quick: 0 calls are waiting already');
  expect(mcpo.limiter.current).toBe(5);
  lab.openAll();
  for (const answer of await Promise.all(calls)) expect(answer.status).toBe(200);
  expect(mcpo.limiter.current).toBe(0);
});

it('a tool keeps its limit, and what runs counts on, when its definition changes', async () => {
  const { lab, mcpo, call } = await desk({ concurrency: { tools: { 'lab/slow': { maxConcurrent: 1, maxQueue: 0 } } } });
  const running = call('lab/slow', { a: 1 });
  await until(() => lab.begun === 1);
  lab.tool('slow', { readOnlyHint: true });
  await lab.lab.announce();
  await until(() => mcpo.stats.tools['lab/slow']?.access === 'read');
  expectRefusal(await call('lab/slow', { a: 2 }), 'MCPO_QUEUE_FULL', 'tool lab/slow');
  lab.openAll();
  expect((await running).status).toBe(200);
  expect((await call('lab/slow', { a: 2 })).status).toBe(200);
});

it('a tool, its server and the router may all limit a call, which waits for the narrowest first', async () => {
  const { lab, mcpo, url, call } = await desks(
    { concurrency: { maxConcurrent: 1, maxQueue: 0, tools: { 'lab/slow': 1 } } },
    { concurrency: { maxConcurrent: 1, maxQueue: 1 } },
  );
  const slow = many(3, () => call('lab/slow'));
  await until(() => lab.begun === 1);
  const waits = call('lab/quick');
  await until(async () => (await waiting(url)) === 3);
  expectRefusal(await call('other/slow'), 'MCPO_QUEUE_FULL', 'the router');
  expect(lab.begun).toBe(1);
  expectRefusal(await call('lab/read'), 'MCPO_QUEUE_FULL', 'server lab');
  lab.openAll();
  for (const answer of await Promise.all([...slow, waits])) expect(answer.status).toBe(200);
  expect([lab.peak, mcpo.limiter.current]).toEqual([1, 0]);
});

it('a call that waits longer than queueTimeoutMs is refused and never run', async () => {
  const { lab, mcpo, call } = await desk({ concurrency: { maxConcurrent: 1, queueTimeoutMs: 30 } });
  const first = call('lab/slow', { op: 'first' });
  await until(() => lab.begun === 1);
  expectRefusal(await call('lab/slow'), 'MCPO_QUEUE_TIMEOUT', 'the router: still waiting after 30 ms');
  expect([mcpo.limiter.current, mcpo.limiter.waiting]).toEqual([1, 0]);
  lab.openAll();
  expect((await first).status).toBe(200);
  expect((await call('lab/slow', { op: 'last' })).status).toBe(200);
  expect(lab.args).toEqual([{ op: 'first' }, { op: 'last' }]);
});

it('a caller who leaves the queue gives its place up, and its tool is never run', async () => {
  const { lab, mcpo, url, call } = await desk({ concurrency: { maxConcurrent: 1, maxQueue: 1 } });
  const first = call('lab/slow', { op: 'first' });
  await until(() => lab.begun === 1);
  const leaver = caller(`${url}/lab/slow`, { args: { op: 'leaver' } });
  await until(() => mcpo.limiter.waiting === 1);
  leaver.leave();
  await until(() => mcpo.limiter.waiting === 0);
  const last = call('lab/slow', { op: 'last' });
  await until(() => mcpo.limiter.waiting === 1);
  lab.openAll();
  expect([(await first).status, (await last).status]).toEqual([200, 200]);
  expect(lab.args).toEqual([{ op: 'first' }, { op: 'last' }]);
  expect([mcpo.limiter.current, mcpo.limiter.waiting]).toEqual([0, 0]);
});

it('a permit that comes when its caller has just left is given back, and nothing is run', async () => {
  const granted = deferred<Permit>();
  const release = jest.fn();
  const run = jest.fn();
  const cancellation = new Canceller();
  const limits = { tryAcquire: () => undefined, acquire: () => granted.promise };
  const entry = { limits, telemetry: { waited: () => undefined } };
  const waiting = limit({ init: { entry, cancellation, identity: {} } } as unknown as ToolCall, run);
  cancellation.abort(new Error('gone'));
  granted.resolve({ waitedMs: 0, release });
  await expect(waiting).rejects.toThrow('gone');
  expect([run.mock.calls.length, release.mock.calls.length]).toEqual([0, 1]);
});

it('a caller who leaves while its tool runs makes room for the next', async () => {
  const { lab, mcpo, url, call } = await desk({ concurrency: { maxConcurrent: 1 } });
  const leaver = caller(`${url}/lab/slow`);
  await until(() => lab.begun === 1);
  const next = call('lab/quick');
  await until(() => mcpo.limiter.waiting === 1);
  leaver.leave();
  await until(() => lab.begun === 2);
  lab.openAll();
  expect((await next).status).toBe(200);
  expect(mcpo.limiter.current).toBe(0);
});

it('close() refuses what waits when drainTimeoutMs is over, and what comes later at once', async () => {
  const drainTimeoutMs = 60;
  const { lab, mcpo, call } = await desk({ concurrency: { maxConcurrent: 1 }, drainTimeoutMs });
  const running = call('lab/slow');
  await until(() => lab.begun === 1);
  const waiting = call('lab/slow');
  await until(() => mcpo.limiter.waiting === 1);
  const began = performance.now();
  const closed = mcpo.close();
  expectRefusal(await call('lab/slow'), 'MCPO_CLOSING', 'shutting down');
  expectRefusal(await waiting, 'MCPO_CLOSING', 'the router');
  // Timers may fire up to a millisecond early.
  expect(performance.now() - began).toBeGreaterThanOrEqual(drainTimeoutMs - 1);
  await closed;
  expect((await running).body).toMatchObject({ outcome: 'unknown' });
  expect(lab.begun).toBe(1);
  expect([mcpo.limiter.current, mcpo.limiter.waiting]).toEqual([0, 0]);
});

it('close() lets what waits have its turn before that', async () => {
  const { lab, mcpo, call } = await desk({ concurrency: { maxConcurrent: 1 }, drainTimeoutMs: 10_000 });
  const calls = many(3, () => call('lab/slow'));
  await until(() => lab.begun === 1 && mcpo.limiter.waiting === 2);
  const closed = mcpo.close();
  lab.openAll();
  for (const answer of await Promise.all(calls)) expect(answer.status).toBe(200);
  await closed;
});

it.each([
  [undefined, 100],
  ['cpu', availableParallelism()],
  ['io', 4 * availableParallelism()],
  [7, 7],
] as const)('a limit of %s is one of %i', async (maxConcurrent, count) => {
  const { lab, mcpo, call } = await desk({ concurrency: { maxConcurrent, maxQueue: 0 } });
  expect(mcpo.limiter.maxConcurrent).toBe(count);
  const calls = many(count + 1, () => call('lab/slow'));
  const answers = collect(calls);
  await until(() => answers.length === 1 && lab.begun === count);
  expectRefusal(answers[0], 'MCPO_QUEUE_FULL', 'the router');
  lab.openAll();
  await Promise.all(calls);
});
