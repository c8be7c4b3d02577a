import { once } from 'node:events';
import http, { type Server } from 'node:http';
import { createRequire } from 'node:module';
import net, { type AddressInfo } from 'node:net';
import path from 'node:path';
import { compileFunction } from 'node:vm';
import ts from 'typescript';
import * as api from '../../lib';
import * as parts from '../../lib/parts';

const root = path.join(__dirname, '../..');
const load = createRequire(path.join(root, 'package.json'));
/** The tools of this one are called by name. */
const FILES = {
  command: process.execPath,
  args: [
    load.resolve('@modelcontextprotocol/server-filesystem/dist/index.js'),
    path.join(root, 'examples/quickstart/files'),
  ],
};
const STDIO = { command: process.execPath, args: [path.join(root, 'bench/servers/stdio.js')] };

/** The packages of a Redis that nobody has started: what imports them is compiled, and run by the tests of `redis/`. */
export const NEEDS_REDIS = /from '(?:redis|ioredis)'/;

/** What stands in for the network that documents speak of. */
export interface Surroundings {
  /** An MCP server over HTTP. */
  readonly mcpUrl: string;
  /** A port that sends back what it gets. */
  readonly echoPort: number;
}

/**
 * Runs a program of a document as it stands, but for the MCP servers that it names, which are real ones of the benchmarks, and
 * for the ports. Then every router must have reached all its servers, and every HTTP server must answer.
 */
export async function runBlock(code: string, { mcpUrl, echoPort }: Surroundings): Promise<void> {
  const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const routers: api.McpoRouter[] = [];
  const servers: Server[] = [];
  const standIn = (options: api.McpoOptions): api.McpoRouter => {
    // As they stand, the options must be good ones too.
    const asWritten = Object.fromEntries(Object.entries(options.servers).map(([name, one]) => [name, { ...one }]));
    api.mcpoRouter({ ...options, metrics: {}, servers: {} });
    const mapped = Object.entries(asWritten).map(([name, one]): [string, api.ServerOptions] => {
      if (one.connect) return [name, one];
      if (one.url) return [name, { ...one, url: mcpUrl }];
      const { cwd: _cwd, env: _env, ...rest } = one as api.StdioServerOptions;
      return [
        name,
        { ...rest, ...(/callTool\(\s*'files'/.test(code) ? FILES : STDIO), pool: { ...rest.pool, minConnections: 1 } },
      ];
    });
    const router = api.mcpoRouter({ ...options, servers: Object.fromEntries(mapped), logger: quiet });
    routers.push(router);
    return router;
  };

  const listenAnywhere = (server: Server): Server => {
    const listen = server.listen.bind(server) as (...args: unknown[]) => Server;
    server.listen = ((_port: number, ...rest: unknown[]) => listen(0, ...rest)) as typeof server.listen;
    servers.push(server);
    return server;
  };
  const modules: Readonly<Record<string, unknown>> = {
    'express-mcpo': { ...api, mcpoRouter: standIn },
    'express-mcpo/parts': parts,
    'node:http': { ...http, createServer: (...args: never[]) => listenAnywhere(http.createServer(...args)) },
    'node:net': { ...net, createConnection: (options: object) => net.createConnection({ ...options, port: echoPort }) },
    express: expressOn(listenAnywhere),
  };
  const fakeFetch = (url: string, init?: RequestInit): Promise<Response> =>
    url.startsWith('https://example.com') ? Promise.resolve(new Response('a page')) : fetch(url, init);
  const surroundings = { once: () => undefined, env: { DOCS_TOKEN: 'x', MCPO_API_KEY: 'key' } };

  try {
    const { outputText } = ts.transpileModule(code, {
      compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022, esModuleInterop: true },
    });
    const program = compileFunction(`return (async () => {${outputText}\n})()`, [
      'require',
      'exports',
      'process',
      'console',
      'fetch',
    ]) as (...args: unknown[]) => Promise<void>;
    const requireOne = (name: string): unknown => modules[name] ?? load(name);
    await program(requireOne, {}, surroundings, { ...quiet, log: () => undefined }, fakeFetch);

    for (const router of routers) {
      await router.ready();
      const states = Object.values(router.stats.servers).map(({ state }) => state);
      expect(states.filter((state) => state !== 'up' && state !== 'closed')).toEqual([]);
    }
    for (const server of servers) {
      if (!server.listening) await Promise.race([once(server, 'listening'), once(server, 'close')]);
      if (!server.listening) continue;
      const { port } = server.address() as AddressInfo;
      const { status } = await fetch(`http://127.0.0.1:${port}/mcp/health`);
      expect([200, 401, 404]).toContain(status);
    }
  } finally {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
    await Promise.all(routers.map((router) => router.close()));
  }
}

/** Express, whose apps listen on any port. */
function expressOn(listenAnywhere: (server: Server) => Server): unknown {
  const express = load('express') as (() => object) & object;
  const make = (): object => {
    const app = express() as { listen: unknown; handle: unknown };
    app.listen = (...args: unknown[]) =>
      (listenAnywhere(http.createServer(app as never)).listen as (...args: unknown[]) => Server)(...args);
    return app;
  };
  return { default: Object.assign(make, express), __esModule: true };
}
