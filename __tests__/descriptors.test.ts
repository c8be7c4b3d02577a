import { type Socket, connect } from 'node:net';
import type { McpoOptions } from '../lib';
import { LightClient } from './support/callers';
import { until } from './support/deferred';
import { Forked } from './support/forked';
import { Started } from './support/mcp-http';
import type { Told } from './support/plain-app';
import { children, signalTo } from './support/own-children';
import { RpcServer, listOf } from './support/rpc-server';
import { text } from './support/lab';
import { isRunning, scripted } from './support/stdio';

const DESCRIPTORS = 64;
const IDLE = 80;

const started = new Started();
let ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  ends = [];
  await started.end();
});

/** Connections that say nothing, as many as an app takes; one that it drops is made anew. */
class Idlers {
  readonly #port: number;
  readonly #sockets = new Set<Socket>();
  #dropped = 0;
  #ended = false;

  constructor(url: string) {
    this.#port = Number(new URL(url).port);
    for (let count = 0; count < IDLE; count++) this.#open();
  }

  /** Resolves when the app has taken all that it can. */
  async taken(): Promise<void> {
    const before = this.#dropped;
    await until(() => this.#dropped >= before + IDLE);
  }

  end(): void {
    this.#ended = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  #open(): void {
    if (this.#ended) return;
    const socket = connect(this.#port, '127.0.0.1');
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.#dropped += 1;
      this.#sockets.delete(socket);
      setTimeout(() => {
        this.#open();
      }, 20);
    });
  }
}

it('no file descriptors left: the app lives, says what it cannot do, and does it once there are some', async () => {
  const { command, args } = scripted(['schemas']);
  // The more tries fail, the longer is the pause before the next: few are asked for.
  const pool = { minConnections: 1, acquireTimeoutMs: 300 };
  const rpc = new RpcServer();
  rpc.on = { 'tools/list': () => listOf({ read: { type: 'object' } }), 'tools/call': () => text('over http') };
  const web = await started.listen(rpc.listener);
  const options: McpoOptions = {
    servers: { one: { command, args: [...args], pool }, web: { url: `${web.url}/mcp`, pool } },
  };
  const app = new Forked('plain-app.ts', [JSON.stringify(options)], DESCRIPTORS);
  ends.push(() => app.end());
  const url = await app.next<string>();
  const client = new LightClient();
  ends.push(() => {
    client.close();
  });
  const call = async (tool: string, args: object = {}, server = 'one'): Promise<unknown> => {
    const { status, body } = await client.post(`${url}/${server}/${tool}`, args);
    const said = JSON.parse(body) as { readonly code?: string; readonly detail?: string } | string | number;
    return typeof said !== 'object' ? String(said) : `${status} ${said.code}: ${said.detail}`;
  };
  const lastError = async (): Promise<unknown> => (await app.ask<Told>('status')).servers['one']?.lastError;
  const unique = Array.from({ length: 900 }, (_, index) => index);
  const unchecked =
    '503 MCPO_SERVER_DOWN: the arguments cannot be checked in bounded time: no file descriptors left (EMFILE)';
  const unfit = '422 MCPO_INVALID_ARGUMENTS: /';

  expect(await call('echo', { text: 'before' })).toBe('before');
  expect(await call('read', {}, 'web')).toBe('over http');
  const idlers = new Idlers(url);
  ends.push(() => {
    idlers.end();
  });
  await idlers.taken();

  // What is cheap to check needs no more than there is.
  expect(await call('echo', { text: 'cheap' })).toBe('cheap');
  expect(await call('echo', { text: 1 })).toBe(`${unfit}text must be string`);
  expect(await call('echo', { text: 'costly', list: unique })).toBe(unchecked);
  expect(await call('echo', { text: 'costly', list: unique })).toBe(unchecked);
  // Its schema has not been compiled yet.
  expect(await call('pid')).toBe(unchecked);

  const pids = await children('servers/', app.pid);
  expect(pids).toHaveLength(1);
  for (const pid of pids) signalTo(pid, 'SIGKILL');
  web.server.closeAllConnections();
  await until(async () => {
    const error = await lastError();
    return typeof error === 'string' && error.includes('cannot be started: no file descriptors left (EMFILE)');
  });
  await idlers.taken();
  expect(await call('echo', { text: 'nobody is there' })).toMatch(/^503 MCPO_/);
  expect(await call('read', {}, 'web')).toMatch(/^503 MCPO_/);
  expect(await call('pid')).toBe(unchecked);

  // Each server that cannot be reached is told of, too.
  for (const name of ['one', 'web']) await until(() => app.stderr.includes(`server ${name}: the MCP server cannot`));

  idlers.end();
  await until(async () => (await call('echo', { text: 'after', list: unique })) === 'after', 60_000);
  expect(await call('echo', { list: [1, 1] })).toContain(`${unfit}list must NOT have duplicate items`);
  const successor = Number(await call('pid'));
  expect(pids).not.toContain(successor);
  expect(await children('servers/', app.pid)).toEqual([successor]);
  await until(async () => (await call('read', {}, 'web')) === 'over http', 60_000);
  expect(isRunning(app.pid)).toBe(true);
  const lack = /no file descriptors left \(EMFILE\).*; raise ulimit -n$/;
  const said = app.stderr.split('\n').filter((line) => line.includes('EMFILE'));
  expect(said.filter((line) => !lack.test(line))).toEqual([]);
  expect(app.stderr.match(/tool one\/echo: .*: calls are refused for now/g)).toHaveLength(1);
  expect(app.stderr.match(/tool one\/pid: .*: calls are refused for now/g)).toHaveLength(1);
}, 90_000);
