import type { McpoOptions, MetricsJson } from '../../lib';
import { Lab, text } from '../support/lab';
import { post } from '../support/post';
import { serving } from '../support/serve';

const serve = serving(undefined, { cache: true });

const NAMES = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'valueOf',
  '__defineGetter__',
  'then',
];

/** An object with members of its own by these names, which a literal would not make of `__proto__`. */
const own = <T>(value: T): Record<string, T> => Object.fromEntries(NAMES.map((name) => [name, value]));

/** Whatever an attack has left behind on what all objects share. */
const polluted = (): readonly string[] => {
  const found: string[] = [];
  for (const name in {}) found.push(name);
  return [...found, ...['polluted', 'a'].filter((name) => name in {})];
};

afterEach(() => {
  expect(polluted()).toEqual([]);
});

describe('names that every object has', () => {
  it('are no servers and no tools where there are none', async () => {
    const lab = new Lab().tool('echo', () => text('1'));
    const { url } = await serve({ servers: { lab: { connect: lab.connect } } });
    for (const name of NAMES) {
      const [server, tool] = [await post(`${url}/${name}/echo`), await post(`${url}/lab/${name}`)];
      expect([name, server.status, server.body]).toEqual([
        name,
        404,
        expect.objectContaining({ code: 'MCPO_UNKNOWN_SERVER' }),
      ]);
      expect([name, tool.status, tool.body]).toEqual([
        name,
        404,
        expect.objectContaining({ code: 'MCPO_UNKNOWN_TOOL' }),
      ]);
      for (const page of ['openapi.json', 'docs']) expect((await fetch(`${url}/${name}/${page}`)).status).toBe(404);
    }
  });

  it('are servers and tools like any other where there are some', async () => {
    const lab = new Lab();
    for (const name of NAMES)
      lab.tool(name, ({ args }) => text(`${name} ${JSON.stringify(args)}`), { annotations: { readOnlyHint: true } });
    const servers = own({ connect: lab.connect, tools: { exclude: ['valueOf'] } }) as McpoOptions['servers'];
    const { url, mcpo } = await serve({ servers });
    const served = NAMES.filter((name) => name !== 'valueOf');
    for (const server of NAMES) {
      for (const tool of served) {
        // The second is from the cache.
        for (const from of ['fwd=miss; stored', 'hit']) {
          const { status, body, header } = await post(`${url}/${server}/${tool}`, { args: { n: 1 } });
          expect([status, body]).toEqual([200, `${tool} {"n":1}`]);
          expect(header('cache-status')).toContain(from);
        }
      }
      expect((await post(`${url}/${server}/valueOf`)).status).toBe(404);
    }
    expect(Object.keys(mcpo.stats.servers).sort()).toEqual([...NAMES].sort());
    expect(Object.keys(mcpo.stats.tools).length).toBe(NAMES.length * served.length);
    const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as { readonly paths: object };
    expect(Object.keys(paths).sort()).toEqual(NAMES.flatMap((s) => served.map((t) => `/${s}/${t}`)).sort());
    const { performance } = (await (await fetch(`${url}/metrics?format=json`)).json()) as MetricsJson;
    expect(Object.keys(performance)).toContain('__proto__/__proto__');
  });

  it('are arguments like any other, at every level, and part of the key', async () => {
    const lab = new Lab().tool('echo', () => text(String(lab.runs.get('echo'))), {
      annotations: { readOnlyHint: true },
    });
    const { url } = await serve({ servers: { lab: { connect: lab.connect } } });
    const bodies = [
      '{"__proto__":{"polluted":1}}',
      '{"constructor":{"prototype":{"polluted":1}}}',
      '{"a":{"__proto__":[]}}',
      '{"a":{}}',
      '{}',
    ];
    const send = async (body: string): Promise<unknown> => {
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
      return (await fetch(`${url}/lab/echo`, init)).json();
    };
    for (const [index, body] of bodies.entries()) {
      expect([body, await send(body), await send(body)]).toEqual([body, index + 1, index + 1]);
      expect(lab.sent.at(-1)).toContain(`"arguments":${body}`);
    }
  });

  it('are properties like any other in a schema', async () => {
    const properties = own({ type: 'integer' });
    const inputSchema = { type: 'object' as const, properties, required: ['constructor'], additionalProperties: false };
    const lab = new Lab().tool('strict', () => text('1'), { inputSchema });
    const { url } = await serve({ servers: { lab: { connect: lab.connect } } });
    const status = async (body: string): Promise<number> =>
      (await fetch(`${url}/lab/strict`, { method: 'POST', headers: { 'content-type': 'application/json' }, body }))
        .status;
    expect(await status('{"constructor":1,"toString":2,"then":3}')).toBe(200);
    // Ajv knows no property `__proto__`: where others are forbidden, so is it.
    for (const body of [
      '{}',
      '{"constructor":"x"}',
      '{"constructor":1,"isPrototypeOf":1}',
      '{"constructor":1,"__proto__":1}',
    ]) {
      expect([body, await status(body)]).toEqual([body, 422]);
    }
  });
});
