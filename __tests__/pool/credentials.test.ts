import type { McpoOptions, PoolOptions } from '../../lib';
import { until } from '../support/deferred';
import { Forked } from '../support/forked';
import { inPlainHttp } from '../support/hosts';
import { LightClient, type RawAnswer, callMany } from '../support/callers';
import { type Served, serving } from '../support/serve';
import { SEED, numbersFrom } from '../support/seed';

/** What the server has seen. */
interface Report {
  /** How often each tool has run: by its name and the credentials. */
  readonly runs: Readonly<Record<string, number>>;
  readonly handshakes: Readonly<Record<string, number>>;
  readonly mostSessions: number;
  /** Ids of those that are open. */
  readonly sessions: readonly string[];
  /** Calls that are being held. */
  readonly held: number;
}

/** What the tools answer. */
interface Seen {
  readonly who: string;
  readonly session: string;
  readonly n?: number;
}

const CALLS = 10_000;
const serve = serving(inPlainHttp);
const client = new LightClient();
let server: Forked;
afterAll(() => client.close());
beforeEach(() => (server = new Forked('servers/streamable.js')));
afterEach(() => server.end());

const report = (): Promise<Report> => server.ask('report');
const release = (): Promise<Report> => server.ask('release');

async function start(pool: PoolOptions, more: Partial<McpoOptions> = {}): Promise<Served> {
  const url = await server.next<string>();
  const web = { type: 'streamable-http' as const, url, forwardHeaders: ['Authorization'] };
  return serve({ servers: { web }, pool, cache: true, ...more });
}

function call({ url }: Served, tool: string, who?: string, args: object = {}): Promise<RawAnswer> {
  return client.post(`${url}/web/${tool}`, args, who === undefined ? {} : { authorization: who });
}

function seen({ status, body }: RawAnswer): Seen {
  if (status !== 200) throw new Error(`${String(status)}: ${body}`);
  return JSON.parse(body) as Seen;
}

describe('two callers with credentials of their own', () => {
  it(`are never taken for one another in ${String(CALLS)} calls in random order`, async () => {
    process.stdout.write(`credentials: seed ${SEED}\n`);
    const random = numbersFrom(SEED);
    const router = await start({ minConnections: 1, maxConnections: 2 });
    const callers = ['Bearer ada', 'Bearer eve'];
    const made: Record<string, number> = {};
    const hits: Record<string, number> = {};
    const wrong: string[] = [];
    // Tools that may write drop what is kept: in the second half there are none, so that answers are kept.
    await callMany(CALLS, 24, async (count) => {
      const who = callers[random() < 0.5 ? 0 : 1] ?? '';
      const tool = count < CALLS / 2 && random() < 0.5 ? 'who' : 'who-read';
      const n = Math.floor(random() * 50);
      const answer = await call(router, tool, who, { n });
      const told = seen(answer);
      if (told.who !== who || told.n !== n) wrong.push(`${who} ${String(n)}: ${answer.body}`);
      made[`${tool} ${who}`] = (made[`${tool} ${who}`] ?? 0) + 1;
      if (/; hit/.test(String(answer.headers['cache-status']))) hits[who] = (hits[who] ?? 0) + 1;
    });
    const { runs, handshakes, mostSessions } = await report();
    process.stdout.write(
      `; made ${JSON.stringify(made)}, run ${JSON.stringify(runs)}, from the cache ${JSON.stringify(hits)}, ` +
        `${String(mostSessions)} sessions at most\n`,
    );
    expect(wrong).toEqual([]);
    for (const who of callers) {
      expect(runs[`who ${who}`]).toBe(made[`who ${who}`]);
      expect(runs[`who-read ${who}`]).toBeLessThanOrEqual((made[`who-read ${who}`] ?? 0) - (hits[who] ?? 0));
      expect(hits[who]).toBeGreaterThan(CALLS / 8);
    }
    expect(Object.keys(runs)).toHaveLength(4);
    expect(Object.keys(handshakes).sort()).toEqual([...callers, 'nobody']);
    // The server's own, and those of each caller.
    expect(mostSessions).toBeLessThanOrEqual(2 + 2 * 2);
  }, 120_000);

  it('keep their results apart: each is answered what it was answered before', async () => {
    const router = await start({ minConnections: 1, maxConnections: 1 });
    const [ada, eve] = ['Bearer ada', 'Bearer eve'];
    const first = await Promise.all([ada, eve, undefined].map((who) => call(router, 'who-read', who)));
    const again = await Promise.all([ada, eve, undefined].map((who) => call(router, 'who-read', who)));
    expect(first.map((answer) => seen(answer).who)).toEqual([ada, eve, 'nobody']);
    expect(again.map(({ body }) => body)).toEqual(first.map(({ body }) => body));
    for (const { headers } of again) expect(headers['cache-status']).toContain('; hit');
    expect(Object.values((await report()).runs)).toEqual([1, 1, 1]);
    expect(router.mcpo.cache.stats.default?.size).toBe(3);
  });
});

describe('more callers than there may be connections for', () => {
  const pool = { minConnections: 1, maxConnections: 1, maxCallers: 2 };

  it('take the place of the one who has been idle for the longest', async () => {
    const router = await start(pool);
    const a = seen(await call(router, 'who', 'Bearer a'));
    const b = seen(await call(router, 'who', 'Bearer b'));
    expect(seen(await call(router, 'who', 'Bearer a')).session).toBe(a.session);
    const c = seen(await call(router, 'who', 'Bearer c'));
    await until(async () => !(await report()).sessions.includes(b.session));
    expect((await report()).sessions).toEqual(expect.arrayContaining([a.session, c.session]));
    expect(seen(await call(router, 'who', 'Bearer a')).session).toBe(a.session);
    const back = seen(await call(router, 'who', 'Bearer b'));
    expect(back.who).toBe('Bearer b');
    expect(back.session).not.toBe(b.session);
    await until(async () => (await report()).sessions.length === 3);
    expect(router.mcpo.stats.servers.web?.connections).toBe(3);
  });

  it('are 503 while all are busy, and disturb none of them', async () => {
    const router = await start(pool);
    const before = seen(await call(router, 'who', 'Bearer a'));
    const held = ['Bearer a', 'Bearer b'].map((who) => call(router, 'hold', who));
    await until(async () => (await report()).held === 2);
    const refused = await Promise.all(['c', 'd', 'e'].map((name) => call(router, 'who', `Bearer ${name}`)));
    for (const { status, headers, body } of refused) {
      expect(JSON.parse(body)).toMatchObject({ status: 503, code: 'MCPO_POOL_EXHAUSTED' });
      expect([status, Number(headers['retry-after']) > 0]).toEqual([503, true]);
    }
    expect(seen(await call(router, 'who')).who).toBe('nobody');
    await release();
    const [a, b] = (await Promise.all(held)).map(seen);
    expect([a?.who, b?.who, a?.session]).toEqual(['Bearer a', 'Bearer b', before.session]);
    expect(seen(await call(router, 'who', 'Bearer c')).who).toBe('Bearer c');
    expect(Object.keys((await report()).handshakes)).not.toContain('Bearer d');
  });

  it('never end the connection of a busy one, though others have been served since', async () => {
    const router = await start(pool);
    const held = call(router, 'hold', 'Bearer busy');
    await until(async () => (await report()).held === 1);
    for (const name of ['a', 'b', 'c', 'd']) {
      expect(seen(await call(router, 'who', `Bearer ${name}`)).who).toBe(`Bearer ${name}`);
    }
    await release();
    const busy = seen(await held);
    expect(busy.who).toBe('Bearer busy');
    expect(seen(await call(router, 'who', 'Bearer busy')).session).toBe(busy.session);
    expect((await report()).handshakes['Bearer busy']).toBe(1);
  });
});

describe('a caller whose credentials the server refuses', () => {
  it('is 503, as often as it comes, and nobody else hears of it', async () => {
    const router = await start({ minConnections: 1, maxConnections: 1 }, { breaker: { threshold: 2 } });
    for (let round = 0; round < 10; round++) {
      const { status, body } = await call(router, 'who', 'Bearer refused');
      const { requestId, ...told } = JSON.parse(body) as Record<string, unknown>;
      expect([status, told.code]).toEqual([503, 'MCPO_SERVER_DOWN']);
      // Without the id: its random digits can hold a 401 too.
      expect(requestId).toEqual(expect.any(String));
      expect(JSON.stringify(told)).not.toMatch(/401|refused|127\.0\.0\.1/);
      expect(seen(await call(router, 'who', 'Bearer ada')).who).toBe('Bearer ada');
      expect(seen(await call(router, 'who')).who).toBe('nobody');
    }
    expect(router.mcpo.stats.servers.web?.state).toBe('up');
    const { runs, handshakes } = await report();
    expect(Object.keys(runs).sort()).toEqual(['who Bearer ada', 'who nobody']);
    expect([handshakes.nobody, handshakes['Bearer ada']]).toEqual([1, 1]);
    process.stdout.write(`credentials: ${String(handshakes['Bearer refused'])} handshakes refused for 10 calls\n`);
  });
});
