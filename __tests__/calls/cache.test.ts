import request from 'supertest';
import type { CacheOptions, CustomServerOptions, McpoOptions } from '../../lib/index';
import { MemoryStore } from '../../lib/parts';
import { deferred, until } from '../support/deferred';
import { Lab, text } from '../support/lab';
import { serving } from '../support/serve';

const serve = serving(undefined, { cache: true });
const READ = { annotations: { readOnlyHint: true } };

const custom = ({ connect }: Lab): CustomServerOptions => ({ connect });

/** A lab whose reads are told apart: each answers with the number of its execution. */
function countingLab(): Lab {
  let executions = 0;
  const next = (): ReturnType<typeof text> => text(String((executions += 1)));
  return new Lab()
    .tool('read', next, READ)
    .tool('get_time', next, READ)
    .tool('unknown', next)
    .tool('write', () => text('written'))
    .tool('bump', () => text('bumped'), { annotations: { idempotentHint: true } })
    .tool('fail', () => ({ ...text(String((executions += 1))), isError: true }), READ)
    .tool('broken-write', () => ({ ...text('no'), isError: true }));
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly cacheStatus: string | undefined;
  readonly age: string | undefined;
}

async function app(options: Partial<McpoOptions> = {}, lab = countingLab()): Promise<Caller> {
  const { url } = await serve({ servers: { lab: custom(lab), other: custom(countingLab()) }, ...options });
  return async (tool, { args = {}, headers = {}, server = 'lab' } = {}) => {
    const { status, body, header } = await request(url).post(`/${server}/${tool}`).set(headers).send(args);
    return { status, body, cacheStatus: header['cache-status'], age: header.age };
  };
}

type Caller = (
  tool: string,
  how?: { args?: object; headers?: Record<string, string>; server?: string },
) => Promise<Answer>;

describe('a tool that reads', () => {
  it('is answered from the store the second time', async () => {
    const call = await app();
    expect(await call('read')).toMatchObject({
      body: 1,
      cacheStatus: 'express-mcpo; fwd=miss; stored',
      age: undefined,
    });
    const again = await call('read');
    expect(again).toMatchObject({ status: 200, body: 1, age: '0' });
    expect(again.cacheStatus).toMatch(/^express-mcpo; hit; ttl=(60|59)$/);
  });

  it('is answered without waiting for the tool', async () => {
    let runs = 0;
    const hangs = new Promise<never>(() => undefined);
    const lab = new Lab().tool('once', () => (++runs === 1 ? text('x') : hangs), READ);
    const { url } = await serve({ servers: { lab: custom(lab) } });
    const call = async (): Promise<string> => (await fetch(`${url}/lab/once`, { method: 'POST' })).text();
    const first = await call();
    for (let repeat = 0; repeat < 20; repeat += 1) expect(await call()).toBe(first);
    expect(runs).toBe(1);
  });

  it.each([
    ['other arguments', { args: { a: 1 } }],
    ['the whole MCP result', { headers: { accept: 'application/vnd.mcp+json' } }],
    ['another server', { server: 'other' }],
  ])('is called for %s', async (_what, how) => {
    const call = await app();
    await call('read');
    expect((await call('read', how)).cacheStatus).toBe('express-mcpo; fwd=miss; stored');
  });

  it('is answered alike however the arguments are written', async () => {
    const call = await app();
    await call('read', { args: { a: 1, b: { c: [1, 2], d: 'é' } } });
    expect((await call('read', { args: { b: { d: 'é', c: [1.0, 2] }, a: 1 } })).cacheStatus).toContain('hit');
  });

  it.each([
    ['__proto__', '{"__proto__": 1}'],
    ['constructor', '{"constructor": {"prototype": 1}}'],
    ['1 MB', JSON.stringify({ long: 'x'.repeat(1_000_000) })],
  ])('takes %s as an ordinary argument', async (_what, body) => {
    const { url } = await serve({ servers: { lab: custom(countingLab()) } });
    const send = (json: string): request.Test =>
      request(url).post('/lab/read').set('content-type', 'application/json').send(json);
    const answers = [await send('{}'), await send(body), await send(body)];
    expect(answers.map((answer) => answer.body as unknown)).toEqual([1, 2, 2]);
  });

  it('is called again when its answer is too old or too large', async () => {
    const small = await app(
      { cache: { maxEntryBytes: 1 } },
      new Lab().tool('read', () => text('too long'), READ),
    );
    await small('read');
    expect((await small('read')).cacheStatus).toBe('express-mcpo; fwd=miss');
    const brief = await app({ cache: { defaultTtlMs: 20 } });
    await brief('read');
    await until(async () => (await brief('read')).body === 2);
  });
});

describe('a caller', () => {
  it('is never given the result of another', async () => {
    const call = await app({ apiKey: ['a', 'b'] });
    const as = (key: string): Promise<Answer> => call('read', { headers: { 'x-api-key': key } });
    expect([(await as('a')).body, (await as('b')).body, (await as('a')).body]).toEqual([1, 2, 1]);
  });

  it.each([
    ['undefined', undefined],
    ['null', null],
  ])(
    'whom nobody can name (%s), and whose headers go on, is neither answered from the store nor stored',
    async (_how, nobody) => {
      const lab = countingLab();
      const servers = { lab: { ...custom(lab), forwardHeaders: ['authorization'] } };
      const call = await app({ servers, principal: () => nobody });
      const how = { headers: { authorization: 'Bearer x' } };
      const answers = [await call('read', how), await call('read', how)];
      expect(answers.map(({ body, cacheStatus }) => [body, cacheStatus])).toEqual([
        [1, 'express-mcpo; fwd=bypass'],
        [2, 'express-mcpo; fwd=bypass'],
      ]);
      expect((await call('read')).cacheStatus).toContain('stored');
    },
  );

  it('gets a fresh answer, which is stored, for Cache-Control: no-cache', async () => {
    const call = await app();
    await call('read');
    const fresh = await call('read', { headers: { 'cache-control': 'max-stale, No-Cache' } });
    expect(fresh).toMatchObject({ body: 2, cacheStatus: 'express-mcpo; fwd=request; stored' });
    expect((await call('read')).body).toBe(2);
  });

  it('gets a fresh answer, which is not stored, for Cache-Control: no-store', async () => {
    const call = await app();
    await call('read');
    const fresh = await call('read', { headers: { 'cache-control': 'no-store' } });
    expect(fresh).toMatchObject({ body: 2, cacheStatus: 'express-mcpo; fwd=bypass' });
    expect((await call('read')).body).toBe(1);
  });

  it('gets nothing older than it says', async () => {
    const call = await app();
    await call('read');
    expect((await call('read', { headers: { 'cache-control': 'max-age=60' } })).body).toBe(1);
    expect((await call('read', { headers: { 'cache-control': 'max-age=0' } })).body).toBe(2);
  });
});

describe('is never stored', () => {
  it.each([
    ['a tool of which nothing is known', 'unknown', 'bypass'],
    ['a tool that writes', 'write', 'bypass'],
    ['what changes all the time', 'get_time', 'bypass'],
    ['an error', 'fail', 'miss'],
  ])('%s', async (_what, tool, fwd) => {
    const call = await app();
    const answers = [await call(tool), await call(tool)];
    for (const { cacheStatus } of answers) expect(cacheStatus).toBe(`express-mcpo; fwd=${fwd}`);
  });

  it('anything, with cache: false, of the router or of one server', async () => {
    const off = await app({ cache: false });
    await off('read');
    expect((await off('read')).body).toBe(2);
    const lab = countingLab();
    const one = await app({ servers: { lab: { ...custom(lab), cache: false }, other: custom(countingLab()) } });
    expect([(await one('read')).body, (await one('read')).body]).toEqual([1, 2]);
    expect([(await one('read', { server: 'other' })).body, (await one('read', { server: 'other' })).body]).toEqual([
      1, 1,
    ]);
  });

  it('a tool whose annotations are not trusted', async () => {
    const lab = countingLab();
    const call = await app({ servers: { lab: { ...custom(lab), trustAnnotations: false } } });
    await call('read');
    expect((await call('read')).body).toBe(2);
  });
});

describe('a write', () => {
  it.each(['write', 'bump', 'broken-write', 'unknown'])(
    'by %s drops what was read of its server, of no other',
    async (tool) => {
      const call = await app();
      const first = await call('read');
      await call('read', { server: 'other' });
      await call(tool);
      expect((await call('read')).body).not.toBe(first.body);
      expect((await call('read', { server: 'other' })).cacheStatus).toContain('hit');
    },
  );

  it('keeps a read that began before it out of the store', async () => {
    const gate = deferred();
    const lab = countingLab().tool(
      'slow',
      async () => {
        await gate.promise;
        return text('old');
      },
      READ,
    );
    const call = await app({}, lab);
    const read = call('slow');
    await until(() => lab.runs.get('slow') === 1);
    await call('write');
    gate.resolve();
    expect(await read).toMatchObject({ body: 'old', cacheStatus: 'express-mcpo; fwd=miss' });
    expect((await call('slow')).cacheStatus).toBe('express-mcpo; fwd=miss; stored');
  });

  it('that may still take effect keeps reads out of the store and from each other', async () => {
    const lab = countingLab().tool('hang', () => new Promise(() => undefined));
    const call = await app({ servers: { lab: { ...custom(lab), timeoutMs: 20 } } });
    expect(await call('hang')).toMatchObject({ status: 504, body: { outcome: 'unknown' } });
    const answers = await Promise.all([call('read'), call('read')]);
    expect(new Set(answers.map((answer) => answer.body)).size).toBe(2);
    for (const { cacheStatus } of answers) expect(cacheStatus).toBe('express-mcpo; fwd=miss');
  });
});

describe('a store', () => {
  /** The store in memory behind promises, which may fail. */
  const slowStore =
    (fails: ReadonlySet<string>): NonNullable<CacheOptions['store']> =>
    (init) =>
      new Proxy(new MemoryStore(init), {
        get(store, name) {
          const value: unknown = Reflect.get(store, name, store);
          if (typeof value !== 'function') return value;
          return async (...args: unknown[]) => {
            if (fails.has(String(name))) throw new Error(`${String(name)} failed`);
            return (value as (...all: unknown[]) => unknown).apply(store, args);
          };
        },
      });

  it('may answer with promises', async () => {
    const call = await app({ cache: { store: slowStore(new Set()) } });
    await call('read');
    expect((await call('read')).cacheStatus).toContain('hit');
    expect((await call('read', { headers: { 'cache-control': 'no-cache' } })).body).toBe(2);
    await call('write');
    expect((await call('read')).body).toBe(3);
  });

  it.each(['find', 'set'])('that fails to %s is as good as an empty one', async (operation) => {
    const call = await app({ cache: { store: slowStore(new Set([operation])) } });
    expect([(await call('read')).body, (await call('read')).body]).toEqual([1, 2]);
  });

  it('that fails to tell a generation is not given what was read without a look', async () => {
    const call = await app({ cache: { store: slowStore(new Set(['generation'])) } });
    const afresh = { headers: { 'cache-control': 'no-cache' } };
    expect([(await call('read', afresh)).body, (await call('read')).body, (await call('read')).body]).toEqual([
      1, 2, 2,
    ]);
  });

  it('that fails to drop what is out of date is not used until it has', async () => {
    const fails = new Set<string>();
    const call = await app({ cache: { store: slowStore(fails) } });
    await call('read');
    fails.add('dropGroup');
    expect((await call('write')).status).toBe(200);
    expect(await call('read')).toMatchObject({ body: 2, cacheStatus: 'express-mcpo; fwd=bypass' });
    fails.clear();
    await call('write');
    expect(await call('read')).toMatchObject({ body: 3, cacheStatus: 'express-mcpo; fwd=miss' });
    expect((await call('read')).body).toBe(3);
  });

  it.each(['find', 'generation', 'set', 'dropGroup'])(
    'that never answers to %s is not waited for',
    async (operation) => {
      const store: CacheOptions['store'] = (init) =>
        new Proxy(new MemoryStore(init), {
          get(memory, name) {
            const value: unknown = Reflect.get(memory, name, memory);
            if (typeof value !== 'function') return value;
            if (name === operation) return () => new Promise(() => undefined);
            return (...args: unknown[]) => (value as (...all: unknown[]) => unknown).apply(memory, args);
          },
        });
      const call = await app({ cache: { store } });
      expect((await call('read')).status).toBe(200);
      expect((await call('write')).status).toBe(200);
    },
  );

  it('that throws is as good as an empty one, also when the router is closed', async () => {
    const store: CacheOptions['store'] = (init) =>
      new Proxy(new MemoryStore(init), {
        get(memory, name) {
          const value: unknown = Reflect.get(memory, name, memory);
          if (typeof value !== 'function') return value;
          return () => {
            throw new Error(`${String(name)} threw`);
          };
        },
      });
    const lab = countingLab();
    const { url, mcpo } = await serve({ servers: { lab: custom(lab) }, cache: { store } });
    expect((await request(url).post('/lab/read').send({})).body).toBe(1);
    await expect(mcpo.close()).resolves.toBeUndefined();
  });

  it('that failed to drop is asked again without another write', async () => {
    const fails = new Set(['dropGroup']);
    const call = await app({ cache: { store: slowStore(fails) } });
    await call('write');
    fails.clear();
    await until(async () => (await call('read')).cacheStatus?.includes('hit') === true);
  });
});

it('drops, by a write, what is kept of all servers of the same group', async () => {
  const cache = { group: 'repository' };
  const servers = {
    files: { ...custom(countingLab()), cache },
    git: { ...custom(countingLab()), cache },
    other: custom(countingLab()),
  };
  const call = await app({ servers });
  for (const server of ['git', 'other']) await call('read', { server });
  await call('write', { server: 'files' });
  expect((await call('read', { server: 'git' })).cacheStatus).toContain('fwd=miss');
  expect((await call('read', { server: 'other' })).cacheStatus).toContain('hit');
});

it('keeps the results of a tool in the cache that it was given', async () => {
  const lab = countingLab();
  const { url, mcpo } = await serve({
    servers: { lab: custom(lab) },
    access: { 'lab/un*': 'read' },
    cache: {
      caches: { often: { maxSize: 5 } },
      tools: { 'lab/read': { cache: 'often' }, 'lab/un*': { ttlMs: 1_000 } },
    },
  });
  for (const tool of ['read', 'unknown']) await request(url).post(`/lab/${tool}`).send({});
  expect(mcpo.cache.getCache('often')?.stats.size).toBe(1);
  expect(mcpo.cache.default.stats.size).toBe(1);
});
