import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import path from 'node:path';
import express from 'express';
import { type McpoRouter, mcpoRouter } from 'express-mcpo';

const everything = require.resolve('@modelcontextprotocol/server-everything/dist/index.js');
const filesystem = require.resolve('@modelcontextprotocol/server-filesystem/dist/index.js');

/** A running quickstart. */
export interface Quickstart {
  readonly url: string;
  readonly mcpo: McpoRouter;
  readonly close: () => Promise<void>;
}

/** Starts an Express app with a page of its own and the tools of three MCP servers below `/mcp`. */
export async function quickstart(port: number): Promise<Quickstart> {
  const app = express();
  const server: Server = app.listen(port, '127.0.0.1');
  // Before anything else is started: the port may be in use.
  await once(server, 'listening');
  const web = await startWebServer();

  const mcpo = mcpoRouter({
    servers: {
      everything: { command: process.execPath, args: [everything, 'stdio'] },
      files: { command: process.execPath, args: [filesystem, path.join(__dirname, 'files')] },
      web: { type: 'streamable-http', url: web.url },
    },
    // The same message always has the same echo. Files may change at any time: they are not cached.
    cache: { tools: { 'everything/echo': { ttlMs: 300_000 } } },
  });

  app.get('/', (_req, res) => {
    res.type('html').send('<h1>An app of my own</h1><p>Its tools: <a href="mcp/docs">mcp/docs</a></p>');
  });
  app.use('/mcp', mcpo);
  await mcpo.ready();

  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    mcpo,
    close: async () => {
      server.close();
      await mcpo.close();
      server.closeAllConnections();
      web.child.kill();
    },
  };
}

/** Starts server-everything as a program of its own that speaks streamable HTTP, and waits until it listens. */
async function startWebServer(): Promise<{ readonly url: string; readonly child: ChildProcess }> {
  const port = await freePort();
  const child = spawn(process.execPath, [everything, 'streamableHttp'], {
    env: { ...process.env, PORT: String(port) },
    stdio: 'ignore',
  });
  // The children of the router end with the app in any case; this one is ours.
  process.once('exit', () => child.kill('SIGKILL'));
  for (let tries = 0; !(await accepts(port)); tries += 1) {
    if (tries === 200 || child.exitCode !== null) throw new Error('server-everything does not listen');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { url: `http://127.0.0.1:${String(port)}/mcp`, child };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  return port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (listening: boolean) => (): void => {
      socket.destroy();
      resolve(listening);
    };
    socket.once('connect', end(true)).once('error', end(false));
  });
}

async function main(): Promise<void> {
  let end = (): void => process.exit(); // while it starts, and at the second signal
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => end());

  const { url, mcpo, close } = await quickstart(Number(process.env.PORT ?? 8000));
  const exit = end;
  end = () => {
    end = exit;
    void close();
  };

  for (const [name, { state, tools }] of Object.entries(mcpo.stats.servers)) {
    console.log(`${name} is ${state} with ${tools} tools`);
  }
  const description = (await (await fetch(`${url}/mcp/openapi.json`)).json()) as { paths: Record<string, unknown> };
  for (const route of Object.keys(description.paths)) console.log(`  POST /mcp${route}`);
  console.log(`
Read about them and try them: ${url}/mcp/docs

  curl -d '{"message":"hi"}' -H 'Content-Type: application/json' ${url}/mcp/everything/echo
  curl -d '{"path":"."}' -H 'Content-Type: application/json' ${url}/mcp/files/list_directory
  curl -d '{"a":2,"b":40}' -H 'Content-Type: application/json' ${url}/mcp/web/get-sum

Ctrl-C ends it.`);
}

if (require.main === module) void main();
