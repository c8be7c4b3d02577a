import type { CustomServerOptions, McpoOptions, McpoRouter } from '../../lib/index';
import { until } from '../support/deferred';
import { GatedLab } from '../support/gated-lab';
import { Lab, text } from '../support/lab';
import { metaOfCalls } from '../support/meta';
import { type Answer, post } from '../support/post';
import { serving } from '../support/serve';

const serve = serving();

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const VALID = `00-${TRACE}-${PARENT}-01`;

/** A lab with a tool that reads and one that writes. */
const lab = (): Lab =>
  new Lab().tool('read', () => text('1'), { annotations: { readOnlyHint: true } }).tool('write', () => text('2'));

type Call = (tool: string, headers?: Record<string, string>) => Promise<Answer>;

async function start(
  server: CustomServerOptions,
  options: Partial<McpoOptions> = {},
): Promise<{ call: Call; mcpo: McpoRouter }> {
  const { url, mcpo } = await serve({ servers: { lab: server }, ...options });
  return { mcpo, call: (tool, headers = {}) => post(`${url}/lab/${tool}`, { headers }) };
}

/** What the server is told of the trace of a call with these headers. */
async function told(headers: Record<string, string>): Promise<unknown> {
  const server = lab();
  const { call } = await start({ connect: server.connect });
  expect(await call('write', headers)).toMatchObject({ status: 200 });
  const [meta = {}, ...more] = metaOfCalls(server);
  expect(more).toEqual([]);
  const { progressToken, ...rest } = meta;
  // The SDK's own entry stays.
  expect(progressToken).toBeDefined();
  return rest;
}

describe('a traceparent', () => {
  it.each([VALID, `00-${TRACE}-${PARENT}-00`, `00-${TRACE}-${PARENT}-ff`])(
    '%s goes on as it is',
    async (traceparent) => {
      expect(await told({ traceparent })).toEqual({ traceparent });
    },
  );

  it('that is missing is not made up', async () => {
    expect(await told({})).toEqual({});
  });

  it.each([
    ['of zeros alone as trace', `00-${'0'.repeat(32)}-${PARENT}-01`],
    ['of zeros alone as parent', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['of another version', `01-${TRACE}-${PARENT}-01`],
    ['of version ff', `ff-${TRACE}-${PARENT}-01`],
    ['in capitals', VALID.toUpperCase()],
    ['with more after it', `${VALID}-00`],
    ['with a blank in it', `${VALID} x`],
    ['that is too short', `00-${TRACE.slice(1)}-${PARENT}-01`],
    ['that is too long', `00-${TRACE}0-${PARENT}-01`],
    ['without flags', `00-${TRACE}-${PARENT}`],
    ['that is not hexadecimal', `00-${TRACE.replace('4', 'g')}-${PARENT}-01`],
    ['that came twice', `${VALID}, ${VALID}`],
    ['that is empty', ''],
  ])('%s goes nowhere, nor does its tracestate', async (_what, traceparent) => {
    expect(await told({ traceparent, tracestate: 'a=1' })).toEqual({});
  });
});

describe('a tracestate', () => {
  it.each([
    ['of two systems', 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE'],
    ['with blanks between members', 'a=1, b=2'],
    ['with an empty member', 'a=1,,b=2'],
    ['of a tenant', 'fw529a3039@dt=FfAAAAAAgAAAA'],
    ['of a tenant that begins with a digit', '0tenant@vendor=x'],
    ['of 512 bytes', `a=${'x'.repeat(254)},b=${'y'.repeat(253)}`],
    ['of 32 members', Array.from({ length: 32 }, (_, index) => `k${index}=v`).join(',')],
    ['with the longest value', `a=${'x'.repeat(256)}`],
  ])('%s goes on as it is', async (_what, tracestate) => {
    expect(await told({ traceparent: VALID, tracestate })).toEqual({ traceparent: VALID, tracestate });
  });

  it.each([
    ['of 513 bytes', `a=${'x'.repeat(254)},b=${'y'.repeat(254)}`],
    ['of 33 members', Array.from({ length: 33 }, (_, index) => `k${index}=v`).join(',')],
    ['with a key twice', 'a=1,a=2'],
    ['with a key in capitals', 'A=1'],
    ['with a key that begins with a digit', '1a=1'],
    ['without a value', 'a='],
    ['without a key', '=1'],
    ['without either', 'a'],
    ['with a value that has an equals sign', 'a=b=c'],
    ['with a value that is too long', `a=${'x'.repeat(257)}`],
    ['with letters that are not ASCII', 'a=\u00e4'],
    ['of commas alone', ',,'],
    ['that is empty', ''],
  ])('%s is left out, and the traceparent is not', async (_what, tracestate) => {
    expect(await told({ traceparent: VALID, tracestate })).toEqual({ traceparent: VALID });
  });

  it('without a traceparent goes nowhere', async () => {
    expect(await told({ tracestate: 'a=1' })).toEqual({});
  });
});

const parents = ['a', 'b', 'c'].map((digit) => `00-${digit.repeat(32)}-${digit.repeat(16)}-01`);

it('does not tell calls apart in the cache', async () => {
  const server = lab();
  const { call } = await start({ connect: server.connect }, { cache: true });
  const states: (string | null)[] = [];
  for (const traceparent of parents) states.push((await call('read', { traceparent })).header('cache-status'));
  expect(states).toEqual([
    'express-mcpo; fwd=miss; stored',
    expect.stringMatching(/; hit/),
    expect.stringMatching(/; hit/),
  ]);
  expect(metaOfCalls(server)).toMatchObject([{ traceparent: parents[0] }]);
});

it('does not tell calls apart that are made at the same time: a shared call is in the trace of the first', async () => {
  const gated = new GatedLab().tool('read', { readOnlyHint: true });
  const { call, mcpo } = await start(gated.server, { cache: false });
  const first = call('read', { traceparent: parents[0] ?? '' });
  await until(() => gated.begun === 1);
  const others = parents.slice(1).map((traceparent) => call('read', { traceparent }));
  await until(() => mcpo.stats.running === 3);
  gated.openAll();
  for (const answer of [first, ...others]) expect((await answer).status).toBe(200);
  expect(metaOfCalls(gated.lab)).toMatchObject([{ traceparent: parents[0] }]);
});

it('is that of the caller also when a call is made again', async () => {
  const server = lab();
  server.tool(
    'flaky',
    async () => {
      if (server.runs.get('flaky') === 1) for (const each of [...server.servers]) await each.close();
      return text('3');
    },
    { annotations: { readOnlyHint: true } },
  );
  const { call } = await start({ connect: server.connect });
  expect(await call('flaky', { traceparent: VALID })).toMatchObject({ status: 200 });
  expect(metaOfCalls(server)).toMatchObject([{ traceparent: VALID }, { traceparent: VALID }]);
});
