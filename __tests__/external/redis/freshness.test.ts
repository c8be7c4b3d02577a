import { until } from '../../support/deferred';
import { inPlainHttp, listen } from '../../support/hosts';
import { Lab, text } from '../../support/lab';
import { LightClient } from '../../support/light-client';
import { post } from '../../support/post';
import { type Instance, instances } from '../../support/redis-instances';
import { RedisServer } from '../../support/redis-server';
import { RpcServer, says } from '../../support/rpc-server';
import { serving } from '../../support/serve';
import type { RedisFleetOptions } from '../../../lib/redis';
import { SEED, numbersFrom } from '../../support/seed';

const serve = serving(inPlainHttp);
let redis: RedisServer;
let apps: Instance[] = [];

beforeAll(async () => {
  redis = await RedisServer.start();
});
afterEach(async () => {
  for (const { end } of apps) await end();
  apps = [];
});
afterAll(async () => {
  client.close();
  await redis.end();
});

const INTERLEAVINGS = 10_000;
const LANES = 20;
const client = new LightClient(3 * LANES);
const READ = { annotations: { readOnlyHint: true } };

/** Lets others go first, so many times. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** A thing with a version, which one tool reads and another moves on, each at a moment of its own. */
function versioned(chance: () => number): { readonly lab: Lab; readonly reads: () => number } {
  let version = 0;
  const lab = new Lab()
    .tool(
      'read',
      async () => {
        const seen = version;
        await turns(8 * chance());
        return text(String(seen));
      },
      READ,
    )
    .tool('write', async () => {
      await turns(4 * chance());
      version += 1;
      const made = version;
      await turns(2 * chance());
      return text(String(made));
    });
  return { lab, reads: () => lab.runs.get('read') ?? 0 };
}

const kinds: Record<string, Partial<RedisFleetOptions>> = {
  'with the local tier': {},
  'without it': { local: false },
};

describe.each(Object.entries(kinds))('a fleet %s', (kind, options) => {
  it('never answers a read with what was true before a write that had been answered', async () => {
    const chance = numbersFrom(SEED);
    const lanes = Array.from({ length: LANES }, () => versioned(chance));
    const servers = Object.fromEntries(lanes.map(({ lab }, lane) => [`lane${lane}`, { connect: lab.connect }]));
    apps = await instances(serve, redis.port, 3, { servers }, { prefix: `${kind}:`, timeoutMs: 500, ...options });
    const call = async (lane: number, tool: string): Promise<{ version: number; status: string }> => {
      const { url } = apps[Math.floor(3 * chance())] as Instance;
      const { status, body, cacheStatus } = await client.post(`${url}/lane${lane}/${tool}`);
      if (status !== 200) throw new Error(`${tool} was answered ${status}`);
      return { version: body as number, status: cacheStatus };
    };
    let [reads, hits, collapsed, writes, stale] = [0, 0, 0, 0, 0];

    const run = async (lane: number): Promise<void> => {
      // What a read that begins now must see at least.
      let answered = 0;
      const read = async (hops: number): Promise<void> => {
        await turns(hops);
        const floor = answered;
        const { version, status } = await call(lane, 'read');
        reads += 1;
        if (version < floor) stale += 1;
        if (status.includes('hit')) hits += 1;
        if (status.includes('collapsed')) collapsed += 1;
      };
      for (let round = 0; round < INTERLEAVINGS / LANES; round += 1) {
        const others = Array.from({ length: Math.floor(2 * chance()) }, () => read(20 * chance()));
        await turns(10 * chance());
        const { version } = await call(lane, 'write');
        answered = Math.max(answered, version);
        writes += 1;
        await Promise.all([read(0), read(3 * chance()), ...others]);
      }
    };
    await Promise.all(lanes.map((_, lane) => run(lane)));
    const executed = lanes.reduce((sum, lane) => sum + lane.reads(), 0);
    const told = { writes, reads, hits, collapsed, executed, stale };
    process.stdout.write(`freshness (${kind}): seed ${SEED}, ${JSON.stringify(told)}\n`);
    expect(stale).toBe(0);
    expect(writes).toBe(INTERLEAVINGS);
    // That nothing is stale would prove nothing if nothing were kept or shared.
    expect(hits).toBeGreaterThan(reads / 50);
    expect(collapsed).toBeGreaterThan(0);
    expect(executed).toBeLessThan(reads);
  }, 400_000);

  it('neither keeps nor shares what is read while a write may still take effect, in any instance', async () => {
    let executions = 0;
    const lab = new Lab()
      .tool('read', () => text(String((executions += 1))), READ)
      .tool('hang', () => new Promise(() => undefined));
    const servers = { lab: { connect: lab.connect, timeoutMs: 500 }, other: { connect: lab.connect } };
    apps = await instances(serve, redis.port, 2, { servers }, { prefix: `unsettled ${kind}:`, ...options });
    const read = (index: number, server = 'lab'): ReturnType<typeof post> =>
      post(`${apps[index]?.url ?? ''}/${server}/read`);
    await until(async () => (await read(1)).header('cache-status')?.includes('hit') === true);
    expect((await post(`${apps[0]?.url ?? ''}/lab/hang`)).body).toMatchObject({ outcome: 'unknown' });
    const answers = [await read(1), await read(1), ...(await Promise.all([read(1), read(1)]))];
    expect(new Set(answers.map(({ body }) => body)).size).toBe(4);
    for (const answer of answers) expect(answer.header('cache-status')).toBe('express-mcpo; fwd=miss');
    await until(async () => (await read(1, 'other')).header('cache-status')?.includes('hit') === true);
  });

  it('finds what another instance has kept, and is told of its writes', async () => {
    let executions = 0;
    const lab = new Lab()
      .tool('read', () => text(String((executions += 1))), READ)
      .tool('write', () => text('written'));
    apps = await instances(
      serve,
      redis.port,
      3,
      { servers: { lab: { connect: lab.connect } } },
      { prefix: `told ${kind}:`, ...options },
    );
    const ask = (index: number, tool = 'read'): ReturnType<typeof post> =>
      post(`${apps[index]?.url ?? ''}/lab/${tool}`);
    expect((await ask(0)).body).toBe(1);
    for (const index of [1, 2]) {
      await until(async () => (await ask(index)).header('cache-status')?.includes('hit') === true);
    }
    const before = executions;
    await ask(1, 'write');
    expect((await ask(2)).body).toBe(before + 1);
  });

  it('drops what any instance has kept of the servers of a group, when one of them is written to', async () => {
    let executions = 0;
    const lab = new Lab()
      .tool('read', () => text(String((executions += 1))), READ)
      .tool('write', () => text('written'));
    const cache = { group: 'repository' };
    const servers = {
      files: { connect: lab.connect, cache },
      git: { connect: lab.connect, cache },
      other: { connect: lab.connect },
    };
    apps = await instances(serve, redis.port, 2, { servers }, { prefix: `group ${kind}:`, ...options });
    const ask = (index: number, path: string): ReturnType<typeof post> => post(`${apps[index]?.url ?? ''}/${path}`);
    for (const server of ['git', 'other']) {
      await until(async () => (await ask(1, `${server}/read`)).header('cache-status')?.includes('hit') === true);
    }
    const before = executions;
    await ask(0, 'files/write');
    expect((await ask(1, 'git/read')).body).toBe(before + 1);
    expect((await ask(1, 'other/read')).header('cache-status')).toContain('hit');
  });

  it('drops what another instance has kept of a server, when one at the same URL is written to', async () => {
    let executions = 0;
    const server = new RpcServer();
    server.on['tools/list'] = () => ({
      tools: ['read', 'write'].map((name) => ({
        name,
        inputSchema: { type: 'object' },
        annotations: { readOnlyHint: name === 'read' },
      })),
    });
    server.on['tools/call'] = ({ name }) => says(name === 'read' ? String((executions += 1)) : 'written');
    const { url, close } = await listen((req, res) => void server.listener(req, res));
    try {
      const started = { prefix: `url ${kind}:`, ...options };
      const [one] = await instances(serve, redis.port, 1, { servers: { a: { url }, b: { url } } }, started);
      // In this process too, but with a query of its own: what it hears, it hears through Redis.
      const [two] = await instances(serve, redis.port, 1, { servers: { b: { url: `${url}?of=two` } } }, started);
      apps = [one, two] as Instance[];
      const read = (): ReturnType<typeof post> => post(`${two?.url ?? ''}/b/read`);
      await until(async () => (await read()).header('cache-status')?.includes('hit') === true);
      const before = executions;
      expect((await post(`${one?.url ?? ''}/a/write`)).status).toBe(200);
      expect((await read()).body).toBe(before + 1);
    } finally {
      await close();
    }
  });
});
