import { type Attributes, SpanKind, SpanStatusCode, context, createTraceState, trace } from '@opentelemetry/api';
import { AlwaysOffSampler, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { McpError } from '@modelcontextprotocol/sdk/types.js';
import express from 'express';
import { type McpoOptions, type ToolCall, mcpoRouter } from '../../lib/index';
import type * as tracing from '../../lib/telemetry/tracing';
import { until } from '../support/deferred';
import { GatedLab } from '../support/gated-lab';
import { headerServer } from '../support/header-server';
import { listen } from '../support/hosts';
import { Lab, text } from '../support/lab';
import { Ledger } from '../support/ledger';
import { metaOfCalls } from '../support/meta';
import { caller, post } from '../support/post';
import { serving } from '../support/serve';
import { Spans } from '../support/spans';

const serve = serving(undefined, { cache: true });

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = { traceparent: `00-${TRACE}-00f067aa0ba902b7-01`, tracestate: 'rojo=1,congo=2' };
const SECRET = 'secret-of-this-test';

let spans: Spans;
beforeEach(() => {
  spans = new Spans();
});
afterEach(() => spans.end());

const lab = (): Lab =>
  new Lab()
    .tool('read', () => text(SECRET), { annotations: { readOnlyHint: true } })
    .tool('fail', () => ({ ...text(SECRET), isError: true }))
    .tool('refuse', () => {
      throw new McpError(-32_050, SECRET);
    })
    .tool('hang', () => new Promise(() => undefined));

async function start(server = lab(), options: Partial<McpoOptions> = {}, timeoutMs = 20_000): Promise<string> {
  const { url } = await serve({ servers: { lab: { connect: server.connect, timeoutMs } }, ...options });
  return `${url}/lab`;
}

/** The span of the only call. */
async function only(): Promise<ReadableSpan> {
  await until(() => spans.ended.length > 0);
  const [span, ...more] = spans.ended;
  if (!span || more.length > 0) throw new Error(`${spans.ended.length} spans`);
  return span;
}

const written = (span: ReadableSpan): string => {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-0${traceFlags}`;
};

const CALL: Attributes = {
  'mcp.method.name': 'tools/call',
  'gen_ai.operation.name': 'execute_tool',
  'mcpo.server': 'lab',
};

it('makes one span of a call, in the words of the conventions, and tells the server of it', async () => {
  const server = lab();
  expect(await post(`${await start(server)}/read`)).toMatchObject({ status: 200 });
  const span = await only();
  expect(span).toMatchObject({
    name: 'tools/call read',
    kind: SpanKind.CLIENT,
    parentSpanContext: undefined,
    status: { code: SpanStatusCode.UNSET },
    instrumentationScope: { name: 'express-mcpo' },
  });
  expect(span.attributes).toEqual({ ...CALL, 'gen_ai.tool.name': 'read' });
  expect(metaOfCalls(server)).toMatchObject([{ traceparent: written(span) }]);
});

it('continues the trace of the caller', async () => {
  const server = lab();
  await post(`${await start(server)}/read`, { headers: CALLER });
  const span = await only();
  expect(span.spanContext().traceId).toBe(TRACE);
  expect(span.parentSpanContext).toMatchObject({ spanId: '00f067aa0ba902b7', isRemote: true });
  expect(metaOfCalls(server)).toMatchObject([{ traceparent: written(span), tracestate: CALLER.tracestate }]);
  expect(written(span)).not.toBe(CALLER.traceparent);
});

it('is a child of what is going on in the host rather than of the caller', async () => {
  const server = lab();
  const mcpo = mcpoRouter({ servers: { lab: { connect: server.connect } } });
  const host = trace.getTracer('host').startSpan('POST /mcp');
  const app = express();
  app.use((_req, _res, next) => context.with(trace.setSpan(context.active(), host), next));
  app.use(mcpo);
  await mcpo.ready();
  const { url, close } = await listen(app);
  await post(`${url}/lab/read`, { headers: CALLER });
  const span = await only();
  expect(span.parentSpanContext?.spanId).toBe(host.spanContext().spanId);
  expect(span.spanContext().traceId).toBe(host.spanContext().traceId);
  await mcpo.close();
  await close();
});

it('is what is going on while the server is called', async () => {
  let active: string | undefined;
  const server = lab().tool('look', () => {
    active = trace.getActiveSpan()?.spanContext().spanId;
    return text('1');
  });
  await post(`${await start(server)}/look`);
  expect(active).toBe((await only()).spanContext().spanId);
});

it('tells the server of a trace that is not recorded that it is not', async () => {
  spans.end();
  spans = new Spans(new AlwaysOffSampler());
  const server = lab();
  await post(`${await start(server)}/read`, { headers: CALLER });
  const [meta] = metaOfCalls(server);
  expect(meta?.traceparent).toMatch(new RegExp(`^00-${TRACE}-(?!00f067aa0ba902b7)[0-9a-f]{16}-00$`));
  expect(spans.ended).toEqual([]);
});

it('makes no span of an answer from the cache, of a call that joins another, or of one that is refused', async () => {
  const gated = new GatedLab().tool('read', { readOnlyHint: true });
  const { url, mcpo } = await serve({ servers: { lab: gated.server } });
  const pair = [post(`${url}/lab/read`), post(`${url}/lab/read`)];
  await until(() => gated.begun === 1 && mcpo.stats.running === 2);
  gated.openAll();
  await Promise.all(pair);
  expect((await post(`${url}/lab/read`)).header('cache-status')).toMatch(/; hit/);
  expect(await post(`${url}/lab/gone`)).toMatchObject({ status: 404 });
  await only();
});

it('makes one span of a call that is made twice', async () => {
  const server = lab();
  server.tool(
    'flaky',
    async () => {
      if (server.runs.get('flaky') === 1) for (const each of [...server.servers]) await each.close();
      return text('1');
    },
    { annotations: { readOnlyHint: true } },
  );
  expect(await post(`${await start(server)}/flaky`)).toMatchObject({ status: 200 });
  const { status, attributes } = await only();
  expect([status.code, attributes['error.type']]).toEqual([SpanStatusCode.UNSET, undefined]);
  expect(metaOfCalls(server)).toHaveLength(2);
});

describe('a call that fails', () => {
  it.each([
    ['says that it failed', 'fail', { 'error.type': 'tool_error' }],
    ['answers with an error', 'refuse', { 'error.type': '-32050', 'rpc.response.status_code': '-32050' }],
    ['does not answer', 'hang', { 'error.type': 'timeout' }],
  ])('is a span with an error when the tool %s, and no word of what it says', async (_what, tool, failure) => {
    // All but one answer at once; the pauses before retries have no part in it.
    const url = await start(lab(), {}, tool === 'hang' ? 300 : undefined);
    await post(`${url}/${tool}`, { args: { key: SECRET }, headers: { 'x-secret': SECRET } });
    const { attributes, status, events, links, name } = await only();
    expect(attributes).toEqual({ ...CALL, 'gen_ai.tool.name': tool, ...failure });
    expect(status).toEqual({ code: SpanStatusCode.ERROR });
    expect(JSON.stringify([attributes, status, events, links, name])).not.toContain(SECRET);
  });

  it('because nobody waits for it any more ends its span', async () => {
    const server = lab();
    const url = await start(server, { servers: { lab: { connect: server.connect } } });
    const { leave } = caller(`${url}/hang`);
    await until(() => server.runs.get('hang') === 1);
    leave();
    expect((await only()).attributes['error.type']).toBe('caller_gone');
  });

  it('because there is no server ends its span', async () => {
    const server = lab();
    const url = await start(server, { pool: { minConnections: 0 }, retry: false });
    const broken = jest.spyOn(server.servers, 'add').mockImplementation(() => {
      throw new Error('refused');
    });
    for (const each of [...server.servers]) await each.close();
    await until(async () => (await post(`${url}/read`)).status === 503);
    broken.mockRestore();
    expect(spans.ended.at(-1)?.attributes['error.type']).toBe('server_down');
  });
});

describe('how the server is reached', () => {
  it('is told for a child process', async () => {
    const ledger = new Ledger('light-ledger.js');
    const { url, mcpo } = await serve({ servers: { lab: ledger.server } });
    const [tool = ''] = Object.keys(mcpo.stats.tools);
    await post(`${url}/${tool}`, { args: { op: 'x' } });
    expect((await only()).attributes).toMatchObject({ ...CALL, 'network.transport': 'pipe' });
    ledger.remove();
  });

  it('is told for HTTP, without credentials', async () => {
    const upstream = await headerServer();
    const { host, port } = new URL(upstream.url);
    const { url } = await serve({ servers: { lab: { url: `http://user:${SECRET}@${host}/mcp` } } });
    expect(await post(`${url}/lab/headers`)).toMatchObject({ status: 200 });
    const { attributes } = await only();
    expect(attributes).toMatchObject({
      'network.transport': 'tcp',
      'network.protocol.name': 'http',
      'server.address': '127.0.0.1',
      'server.port': Number(port),
    });
    expect(JSON.stringify(attributes)).not.toContain(SECRET);
    await upstream.close();
  });
});

describe('without a tracer', () => {
  it('hands on what the caller said', async () => {
    spans.end();
    const server = lab();
    await post(`${await start(server)}/read`, { headers: CALLER });
    expect(metaOfCalls(server)).toMatchObject([CALLER]);
  });

  it('hands on what the caller said when a provider makes none of its own', async () => {
    trace.disable();
    trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan: () => trace.wrapSpanContext(NOTHING) }) as never });
    const server = lab();
    await post(`${await start(server)}/read`, { headers: CALLER });
    expect(metaOfCalls(server)).toMatchObject([CALLER]);
  });

  it('begins when the host registers one later', async () => {
    spans.end();
    const url = await start();
    spans = new Spans();
    await post(`${url}/read`);
    expect((await only()).name).toBe('tools/call read');
  });

  it('works where the API is not installed', async () => {
    const without = isolated(() => {
      jest.doMock('@opentelemetry/api', () => {
        throw new Error("Cannot find module '@opentelemetry/api'");
      });
    });
    const work = jest.fn((_trace?: object) => Promise.resolve({ isError: false }));
    await without.trace(CALL_OF_CALLER, work);
    expect(work.mock.calls).toEqual([[CALLER]]);
    expect(spans.ended).toEqual([]);
    // It is the missing module that makes the difference.
    await isolated(() => jest.dontMock('@opentelemetry/api')).trace(CALL_OF_CALLER, work);
    expect(spans.ended).toHaveLength(1);
  });
});

/** Of a module of its own, which loads the API once more. */
function isolated(prepare: () => void): tracing.Tracing {
  let own: tracing.Tracing | undefined;
  jest.isolateModules(() => {
    prepare();
    own = new (jest.requireActual<typeof tracing>('../../lib/telemetry/tracing').Tracing)();
  });
  if (!own) throw new Error('not loaded');
  return own;
}

const CUSTOM = { kind: 'custom', connect: lab().connect } as const;
const ENTRY = { tool: { server: 'lab', name: 'read' }, server: { config: { transport: CUSTOM } } };
const CALL_OF_CALLER = { init: { entry: ENTRY, trace: CALLER } } as unknown as ToolCall;
const NOTHING = { traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0, traceState: createTraceState() };
