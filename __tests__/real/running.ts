import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport, getDefaultEnvironment } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { ServerOptions } from '../../lib';
import { findChromium } from '../support/chromium';
import { until } from '../support/deferred';
import { type Mounted, listen } from '../support/hosts';
import { programOf } from './install';
import { REAL_SERVERS, type RealServer } from './servers';
import { type Workspace, workspace } from './workspace';

const ARTICLE =
  '<!doctype html><html lang="en"><title>Ducks</title><body><h1>Ducks</h1><p>They float and quack all day long, in any' +
  ' weather.</p><button onclick="document.title = \'7\'">Count</button></body></html>';

/** A server that can be started, in a folder of its own. */
export interface Started {
  readonly options: ServerOptions;
  readonly folder: string;
  /** A value with its `{folder}` and the like filled in. */
  readonly filled: <T>(value: T) => T;
  /** JSON without what differs between two that did the same. */
  readonly settled: (text: string) => string;
}

/** Starts servers, and ends all that it has started. */
export class Running {
  readonly #ends: (() => Promise<unknown>)[] = [];
  #page: Mounted | undefined;

  /** The server's options for the router; one that listens on a port is started. */
  async start(server: RealServer, shared?: Workspace): Promise<Started> {
    const { folder } = shared ?? (await this.folder());
    const values: Record<string, string> = {
      folder,
      real: __dirname,
      port: server.url === undefined ? '' : await freePort(),
      page: (await this.#pages()).url,
    };
    let env = { ...server.env };
    if (server.args?.includes('{chromium}')) {
      const chromium = await findChromium();
      values.chromium = chromium.executablePath;
      const { LD_LIBRARY_PATH = '', FONTCONFIG_PATH = '' } = chromium.env;
      env = { ...env, LD_LIBRARY_PATH, FONTCONFIG_PATH };
    }
    const filled = <T>(value: T): T => JSON.parse(fill(JSON.stringify(value), values)) as T;
    const { command, args } = programOf(server, REAL_SERVERS);
    const stdio = {
      command,
      args: [...args, ...filled(server.args ?? [])],
      env: filled(env),
      cwd: folder,
    };
    const varies = (server.varies ?? []).map((source) => new RegExp(source, 'g'));
    const settled = (text: string): string => {
      const here = [folder, values.page ?? '', values.port ?? ''].filter((value) => value !== '');
      const placed = here.reduce((rest, value) => rest.replaceAll(value, '…'), text);
      return varies.reduce((rest, each) => rest.replace(each, '0'), placed);
    };
    if (server.url === undefined) return { options: stdio, folder, filled, settled };
    await this.#listening(stdio, Number(values.port));
    const type = server.url.endsWith('/sse') ? 'sse' : 'streamable-http';
    return { options: { type, url: filled(server.url) }, folder, filled, settled };
  }

  /** A folder of files that is removed at the end. */
  async folder(): Promise<Workspace> {
    const made = await workspace();
    this.#ends.push(made.remove);
    return made;
  }

  /** A client of the SDK's, connected to a started server. */
  async client({ options }: Started): Promise<Client> {
    const client = new Client({ name: 'direct', version: '1.0.0' });
    await client.connect(transportOf(options));
    this.#ends.push(() => client.close());
    return client;
  }

  /** Ends something when all is ended. */
  onEnd(end: () => Promise<unknown>): void {
    this.#ends.push(end);
  }

  async end(): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end();
    this.#page = undefined;
  }

  async #pages(): Promise<Mounted> {
    if (this.#page) return this.#page;
    this.#page = await listen((req, res) => {
      const found = req.url === '/article.html';
      res.writeHead(found ? 200 : 404, { 'content-type': 'text/html' }).end(found ? ARTICLE : 'none');
    });
    this.#ends.push(this.#page.close);
    return this.#page;
  }

  async #listening(program: Program, port: number): Promise<void> {
    const { command, args, env, cwd } = program;
    const child = spawn(command, args, { cwd, env: { ...getDefaultEnvironment(), ...env }, stdio: 'ignore' });
    this.#ends.push(() => ended(child));
    await until(() => {
      if (child.exitCode !== null) throw new Error(`${command} ended with ${String(child.exitCode)}`);
      return accepts(port);
    }, 30_000);
  }
}

function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{(folder|real|port|page|chromium)\}/g, (_, name: string) => values[name] ?? '');
}

interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

function transportOf(options: ServerOptions): Parameters<Client['connect']>[0] {
  if (options.command !== undefined) {
    const { command, args = [], env = {}, cwd = '.' } = options;
    return new StdioClientTransport({ command, args: [...args], env: { ...env }, cwd, stderr: 'ignore' });
  }
  const url = new URL(String(options.url));
  // The SDK's types do not allow for exactOptionalPropertyTypes.
  const transport = url.pathname === '/sse' ? new SSEClientTransport(url) : new StreamableHTTPClientTransport(url);
  return transport;
}

async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return String(port);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
