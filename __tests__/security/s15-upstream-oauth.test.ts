import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from '../support/lab';
import { Started, answer, byHand, sendJson } from '../support/mcp-http';
import { post } from '../support/post';
import { serving } from '../support/serve';

const serve = serving();
const started = new Started();
afterEach(() => started.end());

/** OAuth to an MCP server is not built: a server that asks for it is one whose credentials are missing. */
describe('S15: an MCP server that asks for OAuth', () => {
  it.each([
    ['at the handshake', '/none', 503, 'MCPO_SERVER_DOWN'],
    ['at a call', '/mcp', 502, 'MCPO_BAD_RESPONSE'],
  ])('%s is a plain error; where it points to is not asked', async (_what, at, status, code) => {
    const asked: string[] = [];
    const { url: elsewhere } = await started.listen((req, res) => {
      asked.push(req.url ?? '');
      res.end('{}');
    });
    const paths = new Set<string>();
    const { url: upstream } = await started.listen(
      byHand((rpc, res, req) => {
        paths.add(req.url ?? '');
        if (req.url === '/mcp' && rpc.method === 'tools/list') {
          sendJson(res, answer(rpc.id, { tools: [{ name: 'a', inputSchema: {} }, text('1')] }));
          return;
        }
        const pointer = `Bearer resource_metadata="${elsewhere}/.well-known/oauth-protected-resource"`;
        res.writeHead(401, { 'WWW-Authenticate': pointer }).end('{"error":"invalid_token"}');
      }),
    );
    const { url } = await serve({ servers: { web: { type: 'streamable-http', url: upstream + at } } });
    const told = await post(`${url}/web/a`);
    expect([told.status, (told.body as { code: string }).code]).toEqual([status, code]);
    // What is said to us is not passed on as if it were said of the caller's own credentials.
    expect(told.header('www-authenticate')).toBeNull();
    expect(JSON.stringify(told.body)).not.toContain('well-known');
    expect([asked, [...paths].filter((each) => each !== at)]).toEqual([[], []]);
  });

  it('opens no browser and writes no file', async () => {
    const { url: upstream } = await started.listen((_req, res) => {
      res.writeHead(401, { 'WWW-Authenticate': 'Bearer authorization_uri="http://127.0.0.1/$(touch x)"' }).end();
    });
    const home = await mkdtemp(path.join(tmpdir(), 'mcpo-home-'));
    const bin = await mkdtemp(path.join(tmpdir(), 'mcpo-bin-'));
    try {
      for (const name of ['open', 'xdg-open', 'sensible-browser', 'x-www-browser', 'sh', 'cmd']) {
        await writeFile(path.join(bin, name), `#!/bin/sh\n/usr/bin/touch "${home}/opened-by-${name}"\n`);
        await chmod(path.join(bin, name), 0o755);
      }
      const script = path.join(__dirname, '../support/one-call.ts');
      const call = { servers: { web: { type: 'streamable-http', url: upstream } }, path: '/web/a', end: 'close' };
      const env = {
        ...process.env,
        HOME: home,
        XDG_CONFIG_HOME: home,
        PATH: `${bin}:${process.env.PATH ?? ''}`,
      };
      const args = ['-r', require.resolve('ts-node/register/transpile-only'), script, JSON.stringify(call)];
      const app = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
      let told = '';
      app.stdout.on('data', (chunk: Buffer) => (told += chunk.toString()));
      expect(await once(app, 'close')).toEqual([0, null]);
      expect(JSON.parse(told)).toMatchObject({ status: 503, body: { code: 'MCPO_SERVER_DOWN' } });
      expect(await readdir(home)).toEqual([]);
    } finally {
      for (const folder of [home, bin]) await rm(folder, { recursive: true });
    }
  });
});
