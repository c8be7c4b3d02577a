import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import request from 'supertest';
import { type McpoOptions, type McpoRouter, mcpoRouter } from '../lib';
import { until } from './support/deferred';
import { headerServer } from './support/header-server';
import { type Mounted, inExpress5 } from './support/hosts';
import { Lab, text } from './support/lab';
import { silent } from './support/loggers';
import { children } from './support/own-children';

const everything = require.resolve('@modelcontextprotocol/server-everything/dist/index.js');
const filesystem = require.resolve('@modelcontextprotocol/server-filesystem/dist/index.js');

let ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  ends = [];
});

async function serve(options: McpoOptions): Promise<{ mcpo: McpoRouter; url: string }> {
  const mcpo = mcpoRouter({ logger: silent, ...options });
  ends.push(() => mcpo.close());
  await mcpo.ready();
  const mounted = await inExpress5.mount(mcpo);
  ends.push(mounted.close);
  return { mcpo, url: mounted.url };
}

async function headers(): Promise<Mounted> {
  const server = await headerServer();
  ends.push(server.close);
  return server;
}

describe('real servers over stdio', () => {
  it('answer, and a killed one is back for the next call while the others never notice', async () => {
    const { url, mcpo } = await serve({
      servers: {
        // Where a slow machine had made the pool grow, another would stand in for the one that is killed.
        everything: { command: process.execPath, args: [everything, 'stdio'], pool: { maxConnections: 1 } },
        files: { command: process.execPath, args: [filesystem, __dirname] },
      },
    });
    const echo = (): request.Test => request(url).post('/everything/echo').send({ message: 'hi' });
    expect((await echo()).body).toBe('Echo: hi');
    expect((await request(url).post('/files/list_directory').send({ path: __dirname })).text).toContain(
      'servers.test.ts',
    );

    for (let round = 0; round < 2; round += 1) {
      const [child] = await children('server-everything');
      process.kill(child ?? 0, 'SIGKILL');
      await until(() => mcpo.stats.servers.everything?.state !== 'up');
      const [again, other] = await Promise.all([echo(), request(url).post('/files/list_allowed_directories').send({})]);
      if (round === 0) expect([again.status, again.body]).toEqual([200, 'Echo: hi']);
      expect(other.status).toBe(200);
      await until(() => mcpo.stats.servers.everything?.state === 'up');
      expect((await echo()).status).toBe(200);
    }
    await mcpo.close();
    expect(await children('server-everything')).toEqual([]);
    expect(await children('server-filesystem')).toEqual([]);
  });

  it('whose command does not exist are 503, and work when it appears', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'mcpo-'));
    ends.push(() => rm(folder, { recursive: true }));
    const command = path.join(folder, 'late-server');
    const lab = new Lab().tool('ok', () => text('fine'));
    const { url } = await serve({ servers: { late: { command, args: ['stdio'] }, lab: { connect: lab.connect } } });

    const down = await request(url).post('/late/echo').send({ message: 'hi' });
    expect(JSON.parse(down.text)).toMatchObject({ status: 503, code: 'MCPO_SERVER_DOWN' });
    expect(Number(down.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    const health = await request(url).get('/health');
    expect([health.status, health.body]).toEqual([
      200,
      {
        status: 'degraded',
        servers: {
          late: expect.objectContaining({ state: 'down', tools: 0 }),
          lab: expect.objectContaining({ state: 'up' }),
        },
      },
    ]);
    expect((await request(url).post('/lab/ok')).body).toBe('fine');

    await writeFile(command, `#!/bin/sh\nexec "${process.execPath}" "${everything}" "$@"\n`);
    await chmod(command, 0o755);
    await until(async () => (await request(url).post('/late/echo').send({ message: 'hi' })).status === 200, 20_000);
    expect((await request(url).get('/health')).body).toMatchObject({ status: 'healthy' });
  });
});

describe('a list of tools that changes', () => {
  it('is followed: new tools can be called and stand in the description, old ones are gone', async () => {
    const lab = new Lab().tool('old', () => text('old'));
    const { url } = await serve({ servers: { lab: { connect: lab.connect, disabledTools: ['hidden*'] } } });
    const paths = async (): Promise<string[]> =>
      Object.keys(((await request(url).get('/openapi.json')).body as { paths: object }).paths);
    expect(await paths()).toEqual(['/lab/old']);
    lab
      .remove('old')
      .tool('new', () => text('new'))
      .tool('hidden-one', () => text('never'));
    await lab.announce();
    await until(async () => (await request(url).post('/lab/new')).status === 200);
    expect(await paths()).toEqual(['/lab/new']);
    expect((await request(url).post('/lab/old')).status).toBe(404);
    expect((await request(url).post('/lab/hidden-one')).status).toBe(404);
  });
});

describe("a caller's headers", () => {
  it.each(['/mcp', '/sse'])('reach the server at %s on a connection of their own', async (at) => {
    const upstream = await headers();
    const { url } = await serve({
      apiKey: 'own-key',
      servers: {
        web: {
          type: at === '/sse' ? 'sse' : 'streamable-http',
          url: upstream.url + at,
          headers: { 'X-Fixed': 'ours', 'X-Tenant': 'default' },
          forwardHeaders: { Authorization: true, 'X-Tenant': true, 'X-Was': 'X-Is' },
        },
      },
    });
    const call = async (sent: Record<string, string>): Promise<Record<string, string>> => {
      const response = await request(url)
        .post('/web/headers')
        .set({ 'X-API-Key': 'own-key', ...sent });
      expect(response.status).toBe(200);
      return response.body as Record<string, string>;
    };
    const ada = await call({
      Authorization: 'Bearer ada',
      'X-Tenant': 'a',
      'X-Was': 'renamed',
      'X-Other': 'stays here',
    });
    expect(ada).toMatchObject({ authorization: 'Bearer ada', 'x-tenant': 'a', 'x-is': 'renamed', 'x-fixed': 'ours' });
    expect(ada).not.toHaveProperty('x-other');
    expect(ada).not.toHaveProperty('x-was');
    expect(JSON.stringify(ada)).not.toContain('own-key');

    const eve = await call({ Authorization: 'Bearer eve' });
    expect(eve).toMatchObject({ authorization: 'Bearer eve', 'x-tenant': 'default' });
    const nobody = await call({});
    expect(nobody).not.toHaveProperty('authorization');
    const again = await call({ Authorization: 'Bearer ada', 'X-Tenant': 'a', 'X-Was': 'renamed' });
    expect(again.session).toBe(ada.session);
    expect(new Set([ada.session, eve.session, nobody.session]).size).toBe(3);
  });

  it("never hold the router's own key, and are refused when they are too long", async () => {
    const upstream = await headers();
    const { url } = await serve({
      apiKey: 'own-key',
      servers: { web: { url: `${upstream.url}/mcp`, forwardHeaders: ['Authorization', 'X-API-Key', 'X-Long'] } },
    });
    const seen = await request(url)
      .post('/web/headers')
      .set({ Authorization: 'Bearer own-key', 'X-API-Key': 'own-key' });
    expect([seen.status, JSON.stringify(seen.body).includes('own-key')]).toEqual([200, false]);
    const long = await request(url)
      .post('/web/headers')
      .set({ 'X-API-Key': 'own-key', 'X-Long': 'x'.repeat(4_097) });
    expect(JSON.parse(long.text)).toMatchObject({ status: 400, code: 'MCPO_INVALID_HEADER' });
  });
});

describe('two routers in one app', () => {
  it('do not disturb each other', async () => {
    const one = await serve({
      servers: { lab: { connect: new Lab().tool('a', () => text('one')).connect } },
      apiKey: 'k1',
    });
    const two = await serve({ servers: { lab: { connect: new Lab().tool('a', () => text('two')).connect } } });
    expect((await request(one.url).post('/lab/a').set('X-API-Key', 'k1')).body).toBe('one');
    expect((await request(two.url).post('/lab/a')).body).toBe('two');
    expect((await request(one.url).post('/lab/a')).status).toBe(401);
    await one.mcpo.close();
    expect((await request(two.url).post('/lab/a')).body).toBe('two');
  });
});

describe('a server without a minimum of connections', () => {
  it('is up although its connections have been closed for being idle, and is called again', async () => {
    const lab = new Lab().tool('ok', () => text('fine'));
    const { url, mcpo } = await serve({
      servers: { lab: { connect: lab.connect } },
      pool: { minConnections: 0, maxIdleMs: 20 },
    });
    await until(() => mcpo.stats.servers.lab?.connections === 0);
    expect((await request(url).get('/health')).body).toMatchObject({
      status: 'healthy',
      servers: { lab: { state: 'up', connections: 0, errors: 0 } },
    });
    expect((await request(url).post('/lab/ok')).body).toBe('fine');
  });
});
