import { until } from '../support/deferred';
import { GatedLab } from '../support/gated-lab';
import { Lab, text } from '../support/lab';
import { Started, answer, byHand, sendJson } from '../support/mcp-http';
import { caller, post } from '../support/post';
import { serving } from '../support/serve';

const serve = serving();
const started = new Started();
afterEach(() => started.end());

const ONE = { minConnections: 1, maxConnections: 1 };
const codeOf = ({ status, body }: { status: number; body: unknown }): unknown[] => [
  status,
  (body as { code: string }).code,
];

describe('S9: each resource has its limit', () => {
  it('a body', async () => {
    const lab = new Lab().tool('echo', () => text('1'));
    const { url } = await serve({ servers: { lab: { connect: lab.connect } } });
    const args = { a: 'x'.repeat(1_048_576) };
    expect(codeOf(await post(`${url}/lab/echo`, { args }))).toEqual([413, 'MCPO_BODY_TOO_LARGE']);
  });

  it('an answer of a server, of which no more than 64 MiB is read', async () => {
    let sent = 0;
    const { url: upstream } = await started.listen(
      byHand((rpc, res) => {
        if (rpc.method === 'tools/list') {
          sendJson(res, answer(rpc.id, { tools: [{ name: 'endless', inputSchema: {} }] }));
          return;
        }
        const chunk = Buffer.alloc(2 ** 20, 'x');
        res.writeHead(200, { 'Content-Type': 'application/json' });
        const more = (): void => {
          if (res.destroyed) return;
          sent += 1;
          if (res.write(chunk)) setImmediate(more);
          else res.once('drain', more);
        };
        more();
      }),
    );
    const { url } = await serve({ servers: { web: { type: 'streamable-http', url: `${upstream}/mcp` } }, pool: ONE });
    const { status } = await post(`${url}/web/endless`);
    expect(status).toBe(502);
    process.stdout.write(`endless answer: ended after ${String(sent)} MiB were written\n`);
    expect(sent).toBeGreaterThanOrEqual(64);
    expect(sent).toBeLessThan(200);
  });

  it('calls that run, that wait, and how long they wait: 503 with Retry-After', async () => {
    const gated = new GatedLab().tool('wait');
    const concurrency = { maxConcurrent: 1, maxQueue: 1, queueTimeoutMs: 100 };
    const { url } = await serve({ servers: { lab: gated.server }, concurrency });
    const running = caller(`${url}/lab/wait`);
    await until(() => gated.begun === 1);
    const others = await Promise.all(Array.from({ length: 5 }, () => post(`${url}/lab/wait`)));
    expect(others.map(codeOf).sort()).toEqual([
      ...Array.from({ length: 4 }, () => [503, 'MCPO_QUEUE_FULL']),
      [503, 'MCPO_QUEUE_TIMEOUT'],
    ]);
    for (const { header } of others) expect(header('retry-after')).toMatch(/^[1-9]\d*$/);
    gated.openAll();
    expect((await running.answer)?.status).toBe(200);
  });

  it('the time of a call, which progress prolongs only so far', async () => {
    const lab = new Lab()
      .tool(
        'hang',
        ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(text('late')))),
      )
      .tool('busy', async ({ signal, progress }) => {
        for (let step = 0; !signal.aborted; step += 1) {
          await progress(step);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        return text('late');
      });
    const times = { timeoutMs: 200, maxTotalTimeoutMs: 600 };
    const { url, mcpo } = await serve({ servers: { lab: { connect: lab.connect, ...times } } });
    for (const tool of ['hang', 'busy']) {
      expect(codeOf(await post(`${url}/lab/${tool}`))).toEqual([504, 'MCPO_TIMEOUT']);
    }
    expect(mcpo.stats.running).toBe(0);
  });

  it('the time of connecting, over SSE too', async () => {
    const { url: upstream } = await started.listen(() => undefined);
    const servers = Object.fromEntries(
      (['sse', 'streamable-http'] as const).map((type) => [type, { type, url: upstream }]),
    );
    const begun = performance.now();
    const { url } = await serve({ servers, pool: { ...ONE, connectTimeoutMs: 300 }, retry: false });
    expect(performance.now() - begun).toBeLessThan(10_000);
    for (const type of Object.keys(servers)) expect(codeOf(await post(`${url}/${type}/a`))[0]).toBe(503);
  });

  it('connections, callers with connections of their own, and sessions of one', async () => {
    const gated = new GatedLab().tool('wait');
    const pool = {
      ...ONE,
      maxInFlightPerConnection: 1,
      maxWaiting: 1,
      acquireTimeoutMs: 500,
      maxCallers: 3,
      maxSessionsPerCaller: 2,
    };
    const { url, mcpo } = await serve({ servers: { lab: { ...gated.server, stateful: true } }, pool });
    const session = (name: string): ReturnType<typeof caller> =>
      caller(`${url}/lab/wait`, { headers: { 'X-MCPO-Session': name } });
    const held = [session('a'), session('b')];
    await until(() => gated.begun === 2);
    expect(codeOf(await post(`${url}/lab/wait`, { headers: { 'X-MCPO-Session': 'c' } }))).toEqual([
      503,
      'MCPO_POOL_EXHAUSTED',
    ]);
    expect(codeOf(await post(`${url}/lab/wait`, { headers: { 'X-MCPO-Session': 'a' } }))).toEqual([
      503,
      'MCPO_POOL_EXHAUSTED',
    ]);
    expect(mcpo.stats.servers.lab?.connections).toBe(3);
    gated.openAll();
    for (const { answer: answered } of held) expect((await answered)?.status).toBe(200);
  });

  it('what is kept, in entries and bytes', async () => {
    const lab = new Lab().tool('read', () => text('x'.repeat(1_000)), { annotations: { readOnlyHint: true } });
    const cache = { maxSize: 10, maxBytes: 8_000, maxEntryBytes: 2_000 };
    const { url, mcpo } = await serve({ servers: { lab: { connect: lab.connect } }, cache });
    for (let n = 0; n < 50; n += 1) await post(`${url}/lab/read`, { args: { n } });
    const { size = Infinity, bytes = Infinity } = mcpo.cache.stats.default ?? {};
    expect(size).toBeLessThanOrEqual(10);
    expect(bytes).toBeLessThanOrEqual(8_000);
    expect(lab.runs.get('read')).toBe(50);
  });
});
