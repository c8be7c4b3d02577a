import type { Tool } from '@modelcontextprotocol/sdk/types.js';
import type { McpoOptions, ToolPolicy } from '../../lib/index';
import { Lab, text } from '../support/lab';
import { silent } from '../support/loggers';
import { post } from '../support/post';
import { serving } from '../support/serve';

const serve = serving();

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const DEFAULT_MS = 300_000;

const READ = { readOnlyHint: true, openWorldHint: false };
type Tools = Readonly<Record<string, unknown>>;

function labOf(tools: Tools): Lab {
  const lab = new Lab();
  for (const [name, annotations] of Object.entries(tools)) {
    const definition =
      annotations === undefined ? {} : { annotations: annotations as NonNullable<Tool['annotations']> };
    lab.tool(name, () => text(name), definition);
  }
  return lab;
}

/** The policies of tools that are annotated so, by their names. */
async function policies(
  tools: Tools,
  options: Partial<McpoOptions> = {},
  server: object = {},
): Promise<Record<string, ToolPolicy>> {
  const { mcpo } = await serve({
    ...{ servers: { lab: { connect: labOf(tools).connect, ...server } }, cache: {} },
    ...options,
  });
  const entries = Object.entries(mcpo.stats.tools);
  return Object.fromEntries(entries.map(([path, policy]) => [path.replace(/^lab\//, ''), policy]));
}

const policy = async (annotations: unknown, options?: Partial<McpoOptions>, server?: object): Promise<unknown> =>
  (await policies({ tool: annotations }, options, server)).tool;

const READING = { access: 'read', kind: 'default', ttlMs: DEFAULT_MS, cache: 'default', shared: true, retried: true };
const OPEN = { ...READING, kind: 'dynamic', ttlMs: MINUTE_MS };
const IDEMPOTENT = { ...OPEN, access: 'idempotent', ttlMs: 0, shared: false };
const WRITING = { ...OPEN, access: 'write', ttlMs: 0, shared: false, retried: false };

describe('what a tool may', () => {
  it.each<[string, unknown, object]>([
    ['one that reads', READ, READING],
    ['one that reads, of an open world', { readOnlyHint: true }, OPEN],
    ['one that reads and is idempotent', { ...READ, idempotentHint: true }, READING],
    ['one that reads and differs when repeated', { ...READ, idempotentHint: false }, { ...READING, shared: false }],
    ['one that is idempotent', { idempotentHint: true }, IDEMPOTENT],
    ['one that writes and is idempotent', { readOnlyHint: false, idempotentHint: true }, IDEMPOTENT],
    ['one that destroys and is idempotent', { destructiveHint: true, idempotentHint: true }, IDEMPOTENT],
    ['one that writes', { readOnlyHint: false }, WRITING],
    ['one that does not destroy', { destructiveHint: false }, WRITING],
    ['one with no hints', {}, WRITING],
    ['one with no annotations', undefined, WRITING],
  ])('is worked out for %s', async (_what, annotations, expected) => {
    expect(await policy(annotations)).toEqual(expected);
  });

  it.each(['true', 'yes', 1, 'false', null, {}, [true]])('is not widened by the hint %j', async (hint) => {
    expect(await policy({ readOnlyHint: hint, idempotentHint: hint })).toEqual(WRITING);
  });

  it.each([null, 'readOnlyHint', true, [READ]])('is not widened by the annotations %j', async (annotations) => {
    expect(await policy(annotations)).toEqual(WRITING);
  });

  it('is nothing when its server is not trusted', async () => {
    const server = { trustAnnotations: false };
    const tools = { read: READ, bump: { idempotentHint: true } };
    expect(await policies(tools, {}, server)).toEqual({ read: WRITING, bump: WRITING });
    const open = { tool: { ...READ, openWorldHint: true } };
    expect(await policies(open, { access: { '*': 'read' } }, server)).toEqual({ tool: OPEN });
  });

  it.each([
    ['read', OPEN],
    ['idempotent', IDEMPOTENT],
    ['write', WRITING],
  ] as const)('is what access says: %s', async (access, expected) => {
    for (const annotations of [{ readOnlyHint: true }, { idempotentHint: true }, { readOnlyHint: false }, undefined]) {
      expect(await policy(annotations, { access: { 'lab/tool': access } })).toEqual(expected);
      expect(await policy(annotations, { access: { '*': access } }, { trustAnnotations: false })).toEqual(expected);
    }
  });

  it('is what the first pattern says that fits the whole of server/tool', async () => {
    const { get, get_all, put } = await policies(
      { get: READ, get_all: undefined, put: undefined },
      { access: { get: 'write', 'lab/get': 'idempotent', 'lab/get*': 'read', 'la?/*': 'idempotent', '*': 'read' } },
    );
    expect([get?.access, get_all?.access, put?.access]).toEqual(['idempotent', 'read', 'idempotent']);
  });

  it('is less with share, retry or cache switched off', async () => {
    expect(await policy(READ, { share: false })).toEqual({ ...READING, shared: false });
    expect(await policy(READ, { retry: false })).toEqual({ ...READING, retried: false });
    expect(await policy(READ, {}, { retry: false })).toEqual({ ...READING, retried: false });
    expect(await policy(READ, { retry: false }, { retry: {} })).toEqual(READING);
    expect(await policy(READ, { cache: false })).toEqual({ ...READING, ttlMs: 0 });
    expect(await policy(READ, {}, { cache: false })).toEqual({ ...READING, ttlMs: 0 });
    expect(await policy(READ, { cache: false }, { cache: {} })).toEqual(READING);
  });
});

describe('how long results are kept', () => {
  it.each([
    ['static', HOUR_MS, ['schema', 'get_schema', 'help', 'help-me', 'dbSchema']],
    ['dynamic', MINUTE_MS, ['search', 'web-search', 'searchDocs', 'query', 'run_query']],
    ['realtime', 0, ['get_time', 'get-current-time', 'getCurrentTime', 'now', 'random', 'makeUUID', 'status.all']],
    ['realtime', 0, ['current_page', 'getUTC', 'clock', 'browser_wait_for']],
    ['realtime', 0, ['HTTPStatus', 'UUIDOf', 'GET_TIME', 'Random', 'time2Now', 'heure/now']],
    [
      'default',
      DEFAULT_MS,
      [
        'list_files',
        'describeTable',
        'await',
        'get',
        'timer',
        'knowledge',
        'lists',
        'researcher',
        'randomized',
        'querying',
        '_',
      ],
    ],
  ])('is known by names: %s', async (kind, ttlMs, names) => {
    const known = await policies(Object.fromEntries(names.map((name) => [name, READ])));
    expect(known).toEqual(
      Object.fromEntries(names.map((name) => [name, { ...READING, kind, ttlMs, shared: kind !== 'realtime' }])),
    );
  });

  it('is that of the shortest-lived kind that fits', async () => {
    const tools = { search_status: READ, help_search: READ, schema_time: READ };
    const { search_status: a, help_search: b, schema_time: c } = await policies(tools);
    expect([a?.kind, b?.kind, c?.kind]).toEqual(['realtime', 'dynamic', 'realtime']);
  });

  it('is that of dynamic tools in an open world', async () => {
    const known = await policies({
      get: { ...READ, openWorldHint: true },
      schema: { ...READ, openWorldHint: true },
      now: { ...READ, openWorldHint: true },
      closed: { ...READ, openWorldHint: false },
      unclear: { ...READ, openWorldHint: 'false' },
      silent: { readOnlyHint: true },
      help: { readOnlyHint: true },
    });
    expect(Object.values(known).map(({ ttlMs }) => ttlMs)).toEqual([
      ...[MINUTE_MS, MINUTE_MS, 0, DEFAULT_MS, MINUTE_MS],
      ...[MINUTE_MS, HOUR_MS],
    ]);
  });

  it('is made shorter by a name, and longer only by schema, help and the patterns that the operator lists', async () => {
    const tools = { search: READ, find: READ, open: { readOnlyHint: true }, schema: READ };
    const cache = { defaultTtlMs: 7_000 };
    const ttlMsOf = async (kinds: object): Promise<number[]> =>
      Object.values(await policies(tools, { cache: { ...cache, kinds } })).map(({ ttlMs }) => ttlMs);
    expect(await ttlMsOf({})).toEqual([7_000, 7_000, 7_000, HOUR_MS]);
    expect(await ttlMsOf({ dynamic: { ttlMs: 9_000 } })).toEqual([7_000, 7_000, 7_000, HOUR_MS]);
    expect(await ttlMsOf({ dynamic: { patterns: ['find'], ttlMs: 9_000 } })).toEqual([7_000, 9_000, 7_000, HOUR_MS]);
  });

  it('is nothing for a tool that does not read, whatever its name', async () => {
    const known = await policies({ help: undefined, search: { idempotentHint: true } });
    expect(known).toMatchObject({ help: { kind: 'static', ttlMs: 0 }, search: { kind: 'dynamic', ttlMs: 0 } });
  });

  it('is what the router or the server says for the others', async () => {
    const cache = { defaultTtlMs: 7_000 };
    const tools = { get: READ, help: READ };
    const all = await policies(tools, { cache });
    expect([all.get?.ttlMs, all.help?.ttlMs]).toEqual([7_000, HOUR_MS]);
    const one = await policies(tools, { cache }, { cache: { defaultTtlMs: 9_000 } });
    expect([one.get?.ttlMs, one.help?.ttlMs]).toEqual([9_000, HOUR_MS]);
  });

  it('is what the kinds are given', async () => {
    const kinds = {
      static: { ttlMs: 5, patterns: ['fixed*', 'set_in_*'] },
      dynamic: { ttlMs: 4 },
      realtime: { patterns: ['live'] },
    };
    const tools = { fixedThing: READ, setInStone: READ, search: READ, live: READ, now: READ, list: READ };
    const known = await policies(tools, { cache: { kinds } });
    expect(Object.values(known).map(({ kind, ttlMs }) => [kind, ttlMs])).toEqual([
      ['static', 5],
      ['static', 5],
      ['dynamic', 4],
      ['realtime', 0],
      ['default', DEFAULT_MS],
      ['default', DEFAULT_MS],
    ]);
  });

  it('is, before all that, what the first pattern of cache.tools says that fits', async () => {
    const tools = { 'lab/get': { ttlMs: 1 }, 'lab/*_time': { ttlMs: 2, cache: 'often' }, 'lab/*': { ttlMs: 3 } };
    const annotations = { get: READ, get_time: READ, list: { ...READ, openWorldHint: true } };
    const known = await policies(annotations, { cache: { tools, caches: { often: {} } } });
    expect(Object.values(known).map(({ ttlMs, cache }) => [ttlMs, cache])).toEqual([
      [1, 'default'],
      [2, 'often'],
      [3, 'default'],
    ]);
  });

  it('never says that a tool reads, which access does', async () => {
    const cache = { tools: { 'lab/tool': { ttlMs: 5 } } };
    expect(await policy(undefined, { cache })).toEqual(WRITING);
    expect(await policy({ readOnlyHint: false }, { cache })).toEqual(WRITING);
    expect(await policy(READ, { cache }, { trustAnnotations: false })).toEqual(WRITING);
    expect(await policy(undefined, { cache, access: { '*': 'read' } })).toEqual({ ...OPEN, ttlMs: 5 });
    expect(await policy(undefined, { cache, access: { '*': 'write' } })).toEqual(WRITING);
    expect(await policy(undefined, { cache, access: { '*': 'idempotent' } })).toEqual(IDEMPOTENT);
  });

  it('of 0 keeps nothing, and says nothing of what the tool does', async () => {
    const cache = { tools: { '*': { ttlMs: 0 } } };
    expect(await policy(READ, { cache })).toEqual({ ...READING, ttlMs: 0 });
    expect(await policy(undefined, { cache })).toEqual(WRITING);
  });

  it('may be left to the kind when only the cache is given', async () => {
    const cache = { tools: { '*': { cache: 'often' } }, caches: { often: {} } };
    expect(await policy(READ, { cache })).toEqual({ ...READING, cache: 'often' });
    expect(await policy(undefined, { cache })).toEqual({ ...WRITING, cache: 'often' });
  });
});

describe('nothing is kept', () => {
  const tools = { get: READ, put: undefined, now: READ };
  const ttlMs = async (options: Partial<McpoOptions>, server?: object): Promise<number | undefined> =>
    (await policies(tools, options, server)).get?.ttlMs;

  it('unless the router or the server says so', async () => {
    expect(await ttlMs({ cache: undefined })).toBe(0);
    expect(await ttlMs({ cache: false })).toBe(0);
    expect(await ttlMs({ cache: true })).toBe(DEFAULT_MS);
    expect(await ttlMs({ cache: {} })).toBe(DEFAULT_MS);
    expect(await ttlMs({ cache: { maxSize: 5 } })).toBe(DEFAULT_MS);
    expect(await ttlMs({ cache: undefined }, { cache: true })).toBe(DEFAULT_MS);
    expect(await ttlMs({ cache: undefined }, { cache: {} })).toBe(DEFAULT_MS);
    expect(await ttlMs({ cache: undefined }, { cache: { defaultTtlMs: 5 } })).toBe(5);
  });

  it('of tools that an object with tools alone does not name', async () => {
    const cache = (pattern: string): object => ({ tools: { [pattern]: { ttlMs: 5 } }, kinds: undefined });
    expect(await ttlMs({ cache: cache('lab/get') })).toBe(5);
    expect(await ttlMs({ cache: cache('lab/other') })).toBe(0);
    expect(await ttlMs({ cache: { ...cache('lab/other'), maxSize: 5 } })).toBe(DEFAULT_MS);
  });

  it('and the log says which servers could have it, and which lifetimes have no effect', async () => {
    const { connect } = labOf(tools);
    const lines: unknown[] = [];
    const logger = { ...silent, info: (line: unknown) => void lines.push(line) };
    const servers = { a: { connect }, b: { connect, cache: false }, c: { connect, cache: true }, d: { connect } };
    await serve({ servers, logger, cache: { tools: { 'd/*': { ttlMs: 5 } } } });
    expect(lines).toEqual([
      'mcpo: tools that read and are not cached: a (1); cache: true, of the router or a server, caches them',
      "mcpo: not cached in spite of cache.tools, as nothing says that they read: d/put; access: 'read' says it",
    ]);
    lines.length = 0;
    await serve({ servers: { a: { connect }, b: { connect } }, logger, cache: false });
    expect(lines).toEqual([]);
  });
});

describe('the operator sees it', () => {
  it('in stats.tools and in the OpenAPI documents, for every tool', async () => {
    const lab = labOf({ list_all: { readOnlyHint: true }, bump: { idempotentHint: true }, tool: undefined });
    const servers = { lab: { connect: lab.connect }, 'b c': { connect: lab.connect } };
    const { mcpo, url } = await serve({ servers, cache: true });
    expect(Object.keys(mcpo.stats.tools).sort()).toEqual(
      ['b c/bump', 'b c/list_all', 'b c/tool', 'lab/bump', 'lab/list_all', 'lab/tool'].sort(),
    );
    expect(mcpo.stats.tools['lab/list_all']).toEqual(OPEN);
    for (const [page, mount] of [
      ['/openapi.json', '/lab'],
      ['/lab/openapi.json', ''],
    ] as const) {
      const document = (await (await fetch(url + page)).json()) as {
        paths: Record<string, { post: { 'x-mcpo-policy': unknown } }>;
      };
      const shown = (tool: string): unknown => document.paths[`${mount}/${tool}`]?.post['x-mcpo-policy'];
      for (const tool of ['list_all', 'bump', 'tool']) expect(shown(tool)).toEqual(mcpo.stats.tools[`lab/${tool}`]);
    }
  });

  it('as it is after the server has changed its mind', async () => {
    const lab = labOf({ tool: READ });
    const { mcpo, url } = await serve({ servers: { lab: { connect: lab.connect } } });
    await post(`${url}/lab/tool`);
    lab.tool('tool', () => text('now it writes'));
    await lab.announce();
    const changed = await new Promise<ToolPolicy | undefined>((resolve) => {
      const look = (): void => {
        const now = mcpo.stats.tools['lab/tool'];
        if (now?.access === 'read') setImmediate(look);
        else resolve(now);
      };
      look();
    });
    expect(changed).toEqual(WRITING);
    expect((await post(`${url}/lab/tool`)).header('cache-status')).toBe('express-mcpo; fwd=bypass');
  });
});
