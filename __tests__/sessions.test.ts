import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import request from 'supertest';
import type { McpoRouter } from '../lib';
import { findChromium } from './support/chromium';
import { until } from './support/deferred';
import { listen } from './support/hosts';
import { Lab, text } from './support/lab';
import { serving } from './support/serve';
import { scripted } from './support/stdio';

const serve = serving();

/** A server whose every connection counts for itself. */
function counters(): { lab: Lab; connect: Lab['connect'] } {
  const lab = new Lab();
  const counts = new Map<object, number>();
  lab.tool('count', ({ headers }) => {
    counts.set(headers, (counts.get(headers) ?? 0) + 1);
    return text(String(counts.get(headers)));
  });
  lab.tool('look', ({ headers }) => text(String(counts.get(headers) ?? 0)), { annotations: { readOnlyHint: true } });
  // The headers object is one of the connection's own.
  return { lab, connect: (context) => lab.connect({ headers: { ...context.headers } }) };
}

const post = (url: string, tool: string, session?: string, key?: string): request.Test =>
  request(url)
    .post(tool)
    .set({
      ...(session !== undefined && { 'X-MCPO-Session': session }),
      ...(key !== undefined && { 'X-API-Key': key }),
    })
    .send({});

describe('a server that keeps state', () => {
  it('has a connection for each session, and one for a caller who names none', async () => {
    const { connect } = counters();
    const { url, mcpo } = await serve({ servers: { lab: { connect, stateful: true } } });
    const answers = [];
    for (const session of ['a', 'b', 'a', undefined, 'a', undefined]) {
      answers.push((await post(url, '/lab/count', session)).body as unknown);
    }
    expect(answers).toEqual([1, 1, 2, 1, 3, 2]);
    // The server's own, and those of the three sessions.
    expect(mcpo.stats.servers.lab?.connections).toBe(4);
  });

  it('keeps a session from everybody but its principal', async () => {
    const { connect } = counters();
    const { url } = await serve({ servers: { lab: { connect, stateful: true } }, apiKey: ['ann', 'bob'] });
    const count = async (key: string): Promise<unknown> => (await post(url, '/lab/count', 'same', key)).body;
    expect([await count('ann'), await count('bob'), await count('ann')]).toEqual([1, 1, 2]);
    const foreign = await request(url).delete('/lab').set({ 'X-API-Key': 'bob', 'X-MCPO-Session': 'other' });
    expect([foreign.status, (foreign.body as { code: string }).code]).toEqual([404, 'MCPO_UNKNOWN_SESSION']);
    await request(url).delete('/lab').set({ 'X-API-Key': 'bob', 'X-MCPO-Session': 'same' }).expect(204);
    expect([await count('ann'), await count('bob')]).toEqual([3, 1]);
  });

  it('sends the headers of each session of a caller', async () => {
    const seen: unknown[] = [];
    const lab = new Lab().tool('who', ({ headers }) => {
      seen.push(headers);
      return text('ok');
    });
    const { url } = await serve({
      servers: { lab: { connect: lab.connect, stateful: true, forwardHeaders: ['authorization'] } },
    });
    for (const authorization of ['Bearer a', 'Bearer b']) {
      await request(url).post('/lab/who').set({ authorization, 'X-MCPO-Session': 's' }).send({}).expect(200);
    }
    expect(seen).toEqual([{ authorization: 'Bearer a' }, { authorization: 'Bearer b' }]);
  });

  it('is never answered for by the cache, nor for one session by another', async () => {
    const { connect } = counters();
    const { url } = await serve({ servers: { lab: { connect, stateful: true } } });
    await post(url, '/lab/count', 'a');
    const looks = [
      await post(url, '/lab/look', 'a'),
      await post(url, '/lab/look', 'a'),
      await post(url, '/lab/look', 'b'),
    ];
    expect(looks.map(({ body, header }) => [body as unknown, header['cache-status'] as unknown])).toEqual([
      [1, 'express-mcpo; fwd=bypass'],
      [1, 'express-mcpo; fwd=bypass'],
      [0, 'express-mcpo; fwd=bypass'],
    ]);
  });

  it.each<[string, (url: string, lab: Lab) => Promise<unknown>]>([
    ['was deleted', (url) => request(url).delete('/lab').set({ 'X-MCPO-Session': 'a' }).expect(204)],
    ['lost its connection', (_url, lab) => Promise.all([...lab.servers].map((server) => server.close()))],
  ])('leaves nothing that was cached to the next one of its name when it %s', async (_how, end) => {
    const { lab, connect } = counters();
    const { url } = await serve({
      servers: { lab: { connect, stateful: true } },
      cache: { tools: { 'lab/look': { ttlMs: 60_000 } } },
    });
    const look = async (): Promise<unknown[]> => {
      const { status, body, header } = await post(url, '/lab/look', 'a');
      return [status, body as unknown, header['cache-status']];
    };
    await post(url, '/lab/count', 'a').expect(200);
    expect(await look()).toEqual([200, 1, 'express-mcpo; fwd=miss; stored']);
    expect(await look()).toEqual([200, 1, expect.stringMatching(/^express-mcpo; hit/)]);
    await end(url, lab);
    await until(async () => (await look())[0] === 200);
    expect(await look()).toEqual([200, 0, expect.any(String)]);
  });

  it.each<[string, (pid: number, url: string, mcpo: McpoRouter) => Promise<unknown>]>([
    [
      'and it is known',
      async (pid, _url, mcpo) => {
        process.kill(pid, 'SIGKILL');
        await until(() => mcpo.stats.servers.lab?.connections === 1);
      },
    ],
    ['a moment ago', async (pid) => process.kill(pid, 'SIGKILL')],
    ['in a call', async (pid, url) => post(url, '/lab/mortal', 'a').send({ pid }).expect(502)],
  ])(
    'tells once that a session was lost when its process died %s, and never answers from an empty one before',
    async (_when, kill) => {
      const { command, args } = scripted();
      const { url, mcpo } = await serve({ servers: { lab: { command, args, stateful: true } } });
      let pid = Number((await post(url, '/lab/pid', 'a').expect(200)).body);
      for (let round = 0; round < 4; round += 1) {
        await kill(pid, url, mcpo);
        const answers: [number, unknown][] = [];
        do {
          const { status, body } = await post(url, '/lab/pid', 'a');
          answers.push([status, (body as { detail?: unknown }).detail ?? body]);
        } while (answers.at(-1)?.[0] !== 200);
        // What was sent to a process that was about to end may have run.
        const told = answers.filter(([status]) => status !== 502);
        expect(told).toEqual([
          [503, expect.stringContaining('session')],
          [200, expect.any(Number)],
        ]);
        expect(told[1]?.[1]).not.toBe(pid);
        pid = Number(told[1]?.[1]);
      }
    },
    30_000,
  );

  it('answers no read from a new session that was asked of the lost one', async () => {
    const lab = new Lab().tool('look', () => text('1'), { annotations: { readOnlyHint: true } });
    lab.tool(
      'die',
      async () => {
        await Promise.all([...lab.servers].map((server) => server.close()));
        return text('dead');
      },
      { annotations: { readOnlyHint: true } },
    );
    const { url } = await serve({ servers: { lab: { connect: lab.connect, stateful: true } } });
    await post(url, '/lab/look', 'a').expect(200);
    await post(url, '/lab/die', 'a').expect(502);
    expect(lab.runs.get('die')).toBe(1);
    await post(url, '/lab/look', 'a').expect(503);
    await post(url, '/lab/look', 'a').expect(200);
  });

  it('ends a session by DELETE, and when it has been idle for too long', async () => {
    const { connect } = counters();
    const { url, mcpo } = await serve({ servers: { lab: { connect, stateful: true } }, pool: { maxIdleMs: 100 } });
    const count = async (): Promise<unknown> => (await post(url, '/lab/count', 'a')).body;
    expect([await count(), await count()]).toEqual([1, 2]);
    const end = (): request.Test => request(url).delete('/lab').set({ 'X-MCPO-Session': 'a' });
    const ended = await end();
    expect([ended.status, ended.text, ended.header['content-length'] as unknown]).toEqual([204, '', undefined]);
    await end().expect(404);
    expect(await count()).toBe(1);
    await until(() => mcpo.stats.servers.lab?.connections === 1);
    expect(await count()).toBe(1);
  });

  it('bounds the sessions of one caller, and makes no room at the cost of others', async () => {
    const { connect } = counters();
    const { url } = await serve({
      servers: { lab: { connect, stateful: true, pool: { maxSessionsPerCaller: 2, maxCallers: 3 } } },
      apiKey: ['ann', 'bob', 'cyd'],
    });
    for (const session of ['1', '2']) await post(url, '/lab/count', session, 'ann').expect(200);
    const third = await post(url, '/lab/count', '3', 'ann');
    expect([third.status, third.headers['retry-after'], third.body]).toEqual([
      503,
      '1',
      expect.objectContaining({ code: 'MCPO_POOL_EXHAUSTED' }),
    ]);
    await post(url, '/lab/count', '1', 'bob').expect(200);
    await post(url, '/lab/count', '1', 'cyd').expect(503);
    expect((await post(url, '/lab/count', '1', 'ann')).body).toBe(2);
  });

  it.each(['a b', 'é', 'x'.repeat(129), 'a\tb'])('refuses the session %j', async (session) => {
    const { lab, connect } = counters();
    const { url } = await serve({ servers: { lab: { connect, stateful: true } } });
    const answer = await request(url)
      .post('/lab/count')
      .set('X-MCPO-Session', Buffer.from(session).toString('latin1'))
      .send({});
    expect([answer.status, (answer.body as { code: string }).code]).toEqual([400, 'MCPO_INVALID_HEADER']);
    expect(lab.runs.size).toBe(0);
  });

  it('is the only kind with sessions to end', async () => {
    const { connect } = counters();
    const { url } = await serve({ servers: { lab: { connect }, kept: { connect, stateful: true } } });
    await request(url).delete('/lab').set('X-MCPO-Session', 'a').expect(404);
    await request(url).delete('/kept/count').set('X-MCPO-Session', 'a').expect(405);
  });
});

describe('a browser', () => {
  it('keeps two sessions apart over 100 interleaved calls', async () => {
    const { executablePath, env } = await findChromium();
    const pages = await listen((req, res) => {
      res.setHeader('content-type', 'text/html');
      res.end(`<title>of ${req.url ?? ''}</title><p>page of ${req.url ?? ''}</p>`);
    });
    // It writes down what it sees.
    const cwd = await mkdtemp(path.join(tmpdir(), 'mcpo-browser-'));
    const cli = path.join(path.dirname(require.resolve('@playwright/mcp/package.json')), 'cli.js');
    const args = [cli, '--headless', '--isolated', '--no-sandbox', '--executable-path', executablePath];
    const { url, mcpo } = await serve({
      servers: {
        browser: {
          command: process.execPath,
          args,
          cwd,
          env: Object.fromEntries(Object.entries(env).flatMap(([name, value]) => (value ? [[name, value]] : []))),
          stateful: true,
        },
      },
    });
    const call = async (session: string, tool: string, body: object): Promise<string> => {
      const answer = await request(url).post(`/browser/${tool}`).set('X-MCPO-Session', session).send(body);
      expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
      return answer.text;
    };
    const visits: Record<string, string> = {};
    try {
      for (let step = 0; step < 50; step += 1) {
        await Promise.all(
          ['ann', 'bob'].map(async (session) => {
            if (step % 10 === 0) {
              visits[session] = `/${session}/${String(step)}`;
              await call(session, 'browser_navigate', { url: pages.url + visits[session] });
            } else {
              const seen = await call(session, 'browser_evaluate', { function: '() => document.title' });
              expect(seen).toContain(`of ${visits[session] ?? ''}`);
            }
          }),
        );
      }
      const other = visits.ann === undefined ? '' : await call('bob', 'browser_snapshot', {});
      expect(other).toContain('page of /bob/40');
      expect(other).not.toContain('/ann/');
    } finally {
      await pages.close();
      await mcpo.close();
      await rm(cwd, { recursive: true, force: true });
    }
  }, 120_000);
});
