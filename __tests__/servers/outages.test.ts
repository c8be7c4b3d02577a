import { createServer } from 'node:net';
import { until } from '../support/deferred';
import { Started } from '../support/mcp-http';
import { RpcServer, listOf } from '../support/rpc-server';
import { serving } from '../support/serve';
import { LogBook, scripted } from '../support/stdio';

const serve = serving();
const started = new Started();
afterEach(() => started.end());

/** What is logged of a server that cannot be reached after several attempts. */
async function warnings(server: object): Promise<readonly string[]> {
  const logger = new LogBook();
  const { mcpo } = await serve({ servers: { x: server as { url: string } }, logger });
  await until(() => (mcpo.stats.servers.x?.errors ?? 0) >= 3);
  return logger.warnings;
}

/** A port on which nothing listens. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('a server that cannot be reached is told once, with cause, address and remedy:', () => {
  it('nothing listens there', async () => {
    const port = String(await freePort());
    expect(await warnings({ url: `http://me:secret@127.0.0.1:${port}/mcp?key=secret` })).toEqual([
      `mcpo: server x: the MCP server cannot be reached: nothing listens there (ECONNREFUSED) (http://127.0.0.1:${port}/mcp); is it running, and is the port right?`,
    ]);
  });

  it.each([404, 405])('a wrong path (%d)', async (status) => {
    const { url } = await started.listen((_req, res) => res.writeHead(status).end());
    expect(await warnings({ url: `${url}/nope` })).toEqual([
      `mcpo: server x: the MCP server cannot be reached: it answers with status ${String(status)} (${url}/nope); check the path in url: often /mcp or /sse`,
    ]);
  });

  it('a page', async () => {
    const { url } = await started.listen((_req, res) => {
      res.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>');
    });
    const [warning, ...others] = await warnings({ url: `${url}/page` });
    expect(others).toEqual([]);
    expect(warning).toContain('it does not answer as an MCP server');
    expect(warning).toContain('text/html');
    expect(warning).toContain(`(${url}/page); check the path`);
  });

  it('https to a port of http', async () => {
    const { url } = await started.listen((_req, res) => res.end());
    const [warning, ...others] = await warnings({ url: `${url.replace('http:', 'https:')}/mcp` });
    expect(others).toEqual([]);
    expect(warning).toContain('it speaks no TLS');
  });

  it('a command that is not there', async () => {
    expect(await warnings({ command: '/nowhere/server', args: [] })).toEqual([
      'mcpo: server x: the MCP server cannot be reached: the command /nowhere/server does not exist; ' +
        'is it installed, and on the PATH of this process? A service (systemd, cron) needs an absolute path to npx or uvx',
    ]);
  });

  it('a process that ends at once, with its exit code and its words', async () => {
    const { command, args } = scripted(['dies', 'no licence\n']);
    expect(await warnings({ command, args })).toEqual([
      'mcpo: server x: the MCP server cannot be reached: its process has ended with exit code 3; it says: no licence',
    ]);
  });
});

it('a server that is back is told', async () => {
  const server = new RpcServer();
  server.on = { 'tools/list': () => listOf({ t: { type: 'object' } }) };
  let isUp = false;
  const { url } = await started.listen((req, res) => (isUp ? server.listener(req, res) : res.writeHead(500).end()));
  const logger = new LogBook();
  const { mcpo } = await serve({ servers: { x: { url: `${url}/mcp` } }, logger });
  isUp = true;
  await until(() => mcpo.stats.servers.x?.state === 'up');
  expect(logger.warnings).toHaveLength(1);
  expect(logger.infos).toContain('mcpo: server x: is reached again');
});
