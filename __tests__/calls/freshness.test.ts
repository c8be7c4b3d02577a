import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import type { JSONRPCMessage, JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';
import request from 'supertest';
import type { McpoOptions, ServerOptions } from '../../lib';
import { Freshness } from '../../lib/calls/freshness';
import { addressOf, relativesOf } from '../../lib/calls/relatives';
import { CacheManager } from '../../lib/parts';
import { until } from '../support/deferred';
import { silent } from '../support/loggers';
import { serving } from '../support/serve';

const serve = serving();

/** A server that answers what was cancelled as well: SDKs do not, programs by hand do. */
class StubbornServer {
  #reads = 0;
  readonly #writes: (() => void)[] = [];

  /** Calls `answer` with the answer to a request, at once or, for a write, at {@link endWrites}. */
  receive(message: JSONRPCMessage, answer: (message: JSONRPCMessage) => void): void {
    if (!('method' in message) || !('id' in message)) return;
    const { id, method, params } = message;
    const result = (value: Record<string, unknown>): void => answer({ jsonrpc: '2.0', id, result: value });
    const text = (value: string): void => result({ content: [{ type: 'text', text: value }] });
    if (method === 'initialize') result({ ...HELLO, protocolVersion: params?.protocolVersion });
    else if (method === 'tools/list') result({ tools: TOOLS });
    else if (method !== 'tools/call') result({});
    else if (params?.name === 'read') text(String((this.#reads += 1)));
    else this.#writes.push(() => text('written'));
  }

  get waiting(): number {
    return this.#writes.length;
  }

  endWrites(): void {
    for (const end of this.#writes.splice(0)) end();
  }
}

const HELLO = { capabilities: { tools: {} }, serverInfo: { name: 'stubborn', version: '1' } };
const TOOLS = [
  { name: 'read', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true, openWorldHint: false } },
  { name: 'write', inputSchema: { type: 'object' } },
];

const closes: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0)) await close();
});

type Start = (server: StubbornServer) => ServerOptions | Promise<ServerOptions>;

const inMemory: Start = (server) => ({
  connect: async () => {
    const [near, far] = InMemoryTransport.createLinkedPair();
    far.onmessage = (message) => server.receive(message, (answer) => void far.send(answer));
    await far.start();
    return near;
  },
});

const overHttp: Start = async (server) => {
  const listener = createServer((req, res) => {
    let body = '';
    req.on('data', (chunk: Buffer) => (body += chunk.toString()));
    req.on('end', () => {
      const message = JSON.parse(body === '' ? '{}' : body) as JSONRPCRequest;
      if (req.method !== 'POST') res.writeHead(405).end();
      else if ((message as Partial<JSONRPCRequest>).id === undefined) res.writeHead(202).end();
      else {
        server.receive(message, (answer) => {
          res.setHeader('Content-Type', 'application/json').end(JSON.stringify(answer));
        });
      }
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  closes.push(() => new Promise((resolve) => listener.close(() => resolve())));
  return { url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}/mcp` };
};

describe.each([
  ['a transport of the host', inMemory],
  ['streamable HTTP', overHttp],
])('a write over %s whose caller has given up', (_kind, start) => {
  it('keeps reads out of the cache until its answer comes, and drops them then', async () => {
    const server = new StubbornServer();
    const options = { ...(await start(server)), timeoutMs: 100 } as ServerOptions;
    const { url, mcpo } = await serve({ servers: { s: options }, cache: {} });
    const read = async (): Promise<string> =>
      String((await request(url).post('/s/read').send({})).headers['cache-status']);
    const unsettled = async (): Promise<string | undefined> =>
      /mcpo_server_unsettled\{server="s"\} (\d)/.exec((await request(url).get('/metrics')).text)?.[1];

    expect([await read(), await read()]).toEqual([
      'express-mcpo; fwd=miss; stored',
      expect.stringMatching(/^express-mcpo; hit/),
    ]);
    expect(await unsettled()).toBe('0');
    const write = await request(url).post('/s/write').send({});
    expect(write.body).toMatchObject({ code: 'MCPO_TIMEOUT', outcome: 'unknown' });
    expect([await read(), await read()]).toEqual(['express-mcpo; fwd=miss', 'express-mcpo; fwd=miss']);
    expect(await unsettled()).toBe('1');

    expect(server.waiting).toBe(1);
    server.endWrites();
    await until(async () => (await read()).includes('stored'));
    expect(await read()).toContain('hit');
    expect(await unsettled()).toBe('0');
    expect(mcpo.stats.running).toBe(0);
  });
});

describe.each([
  ['two names of one router', (a: ServerOptions, b: ServerOptions) => [{ servers: { a, b } }]],
  ['two routers', (a: ServerOptions, b: ServerOptions) => [{ servers: { a } }, { servers: { b } }]],
])('one URL under %s', (_kind, routers) => {
  /** The status of a read through `b`, and a write through `a`, of a server whose URLs differ in the user info alone. */
  const setUp = async (): Promise<{
    server: StubbornServer;
    read: () => Promise<string>;
    write: () => request.Test;
  }> => {
    const server = new StubbornServer();
    const { url } = (await overHttp(server)) as { url: string };
    const options: McpoOptions[] = routers({ url, timeoutMs: 100 }, { url: url.replace('//', '//user:secret@') });
    const served = [];
    for (const one of options) served.push((await serve({ ...one, cache: true })).url);
    const [first = '', last = first] = served;
    const read = async (): Promise<string> =>
      String((await request(last).post('/b/read').send({})).headers['cache-status']);
    return { server, read, write: () => request(first).post('/a/write').send({}) };
  };

  it('is one server: a write through one drops what is kept of the other', async () => {
    const { server, read, write } = await setUp();
    expect([await read(), await read()]).toEqual([
      'express-mcpo; fwd=miss; stored',
      expect.stringMatching(/^express-mcpo; hit/),
    ]);
    const writing = write().then();
    await until(() => server.waiting === 1);
    server.endWrites();
    expect((await writing).status).toBe(200);
    expect(await read()).toBe('express-mcpo; fwd=miss; stored');
  });

  it('is one server: a write through one that may still take effect keeps reads of the other out of the cache', async () => {
    const { server, read, write } = await setUp();
    expect(await read()).toContain('stored');
    expect((await write()).body).toMatchObject({ code: 'MCPO_TIMEOUT', outcome: 'unknown' });
    expect([await read(), await read()]).toEqual(['express-mcpo; fwd=miss', 'express-mcpo; fwd=miss']);
    server.endWrites();
    await until(async () => (await read()).includes('stored'));
    expect(await read()).toContain('hit');
  });
});

describe('groups with a common address', () => {
  const opened: Freshness[] = [];
  afterEach(() => {
    for (const freshness of opened.splice(0)) freshness.close();
  });

  const at = (groups: Record<string, string[]>): Freshness => {
    const addresses = Object.entries(groups).map(([group, urls]) => [group, new Set(urls)] as const);
    const freshness = new Freshness(new CacheManager({}), silent, undefined, new Map(addresses));
    freshness.open();
    opened.push(freshness);
    return freshness;
  };
  const count = async (freshness: Freshness, group: string): Promise<number | undefined> =>
    (await freshness.epoch(group, 'default'))?.count;

  it('have their writes in common, through other groups too, and no other group has', async () => {
    const one = at({ files: ['x'], other: ['z'] });
    const two = at({ repository: ['x', 'y'] });
    const three = at({ git: ['y'] });
    await one.write('files').ended();
    expect(await Promise.all([count(one, 'files'), count(two, 'repository'), count(three, 'git')])).toEqual([1, 1, 1]);
    expect(await count(one, 'other')).toBe(0);
    await one.write('other').ended();
    expect([await count(one, 'other'), await count(three, 'git')]).toEqual([1, 1]);
  });

  it('have writes of unknown outcome in common, one that comes while they are unknown included', async () => {
    const one = at({ a: ['x'] });
    const two = at({ b: ['x'] });
    const write = one.write('a');
    await write.lost();
    const three = at({ c: ['x'] });
    const settled = (): boolean[] => [one.isSettled('a'), two.isSettled('b'), three.isSettled('c')];
    expect(settled()).toEqual([false, false, false]);
    write.endedLate();
    expect(settled()).toEqual([true, true, true]);
  });

  it('have nothing in common once their router is closed, and nothing is left of it', async () => {
    const one = at({ a: ['x', 'y'] });
    const two = at({ b: ['x'] });
    const write = one.write('a');
    one.close();
    await two.write('b').ended();
    expect(await count(one, 'a')).toBe(0);
    // What was cut off as the router closed may have changed something.
    await write.lost();
    expect(two.isSettled('b')).toBe(false);
    two.close();
    const stranger = { addresses: new Set(['x', 'y']), unsettled: new Map(), drop: () => Promise.resolve() };
    expect([...relativesOf(stranger)]).toEqual([stranger]);
  });

  it('are told by origin, path and query; a router leaves them at close()', async () => {
    const url = new URL('http://user:secret@LOCALHOST:80/mcp?team=1#here');
    expect(addressOf(url)).toBe('http://localhost/mcp?team=1');
    const target = await overHttp(new StubbornServer());
    const { mcpo } = await serve({ servers: { a: target, b: target } });
    const address = addressOf(new URL((target as { url: string }).url));
    const stranger = { addresses: new Set([address]), unsettled: new Map(), drop: () => Promise.resolve() };
    expect(relativesOf(stranger).size).toBe(3);
    await mcpo.close();
    expect(relativesOf(stranger).size).toBe(1);
  });
});

describe('the time for which a write may take effect', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const setUp = (): { cache: CacheManager; freshness: Freshness; store: () => Promise<boolean> } => {
    const cache = new CacheManager({});
    const freshness = new Freshness(cache, silent);
    const store = async (): Promise<boolean> => {
      const generation = await cache.default.generation('s');
      if (generation === undefined || !freshness.isSettled('s')) return false;
      return cache.default.save('key', Buffer.from('1'), { group: 's', ttlMs: 300_000, generation });
    };
    return { cache, freshness, store };
  };

  it('is 30 s; what is kept after it is dropped when the answer comes later still', async () => {
    const { cache, freshness, store } = setUp();
    const write = freshness.write('s');
    await write.lost();
    jest.advanceTimersByTime(29_900);
    expect(await store()).toBe(false);
    jest.advanceTimersByTime(200);
    expect(await store()).toBe(true);
    write.endedLate();
    await jest.advanceTimersByTimeAsync(0);
    expect((await cache.default.lookup('key', 's')).entry).toBeUndefined();
    expect(await store()).toBe(true);
  });

  it('is that of the last of several writes', async () => {
    const { freshness, store } = setUp();
    const [one, other] = [freshness.write('s'), freshness.write('s')];
    await Promise.all([one.lost(), other.lost()]);
    one.endedLate();
    await jest.advanceTimersByTimeAsync(0);
    expect(await store()).toBe(false);
    other.endedLate();
    await jest.advanceTimersByTimeAsync(0);
    expect(await store()).toBe(true);
  });
});
