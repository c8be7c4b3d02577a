import { until } from '../support/deferred';
import { Lab, text } from '../support/lab';
import { Started } from '../support/mcp-http';
import { PinoLike } from '../support/pino-like';
import { post } from '../support/post';
import { serving } from '../support/serve';

const serve = serving();
const started = new Started();
afterEach(() => started.end());

const object = (
  properties: Record<string, object>,
): { inputSchema: { type: 'object'; properties: typeof properties } } => ({
  inputSchema: { type: 'object', properties },
});

describe('a regular expression in a schema that takes for ever', () => {
  it('costs one caller a moment, and others are served meanwhile', async () => {
    const lab = new Lab()
      .tool('bomb', () => text('1'), object({ a: { type: 'string', pattern: '^(a+)+$' } }))
      .tool('other', () => text('2'), object({ a: { type: 'string', pattern: '^[a-z]{1,9}$' } }));
    const log = new PinoLike();
    const { url, mcpo } = await serve({ servers: { lab: { connect: lab.connect } }, logger: log });
    const args = { a: `${'a'.repeat(64)}!` };
    const begun = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        post(`${url}/lab/${n % 2 ? 'bomb' : 'other'}`, { args: n % 2 ? args : { a: 'ok' } }),
      ),
    );
    const ms = performance.now() - begun;
    process.stdout.write(`regex bomb: 20 calls, 10 of them bombs, in ${ms.toFixed(0)} ms\n`);
    // Unbounded, one bomb takes years.
    expect(ms).toBeLessThan(5_000);
    // What cannot be checked in time is for the MCP server to check.
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(log.entries('warn').map(({ message }) => message)).toEqual([
      'mcpo: tool lab/bomb: inputSchema takes more than 50 ms to check: for 60 s only small arguments are checked',
    ]);
    expect((await post(`${url}/lab/other`, { args: { a: 'NOT' } })).status).toBe(422);
    expect(mcpo.stats.servers.lab?.uncheckedCalls).toBe(10);
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('mcpo_unchecked_calls_total{server="lab"} 10\n');
  });
});

describe('a schema that refers to another server', () => {
  it('is never fetched: neither at discovery, nor by a call, nor for the description', async () => {
    let asked = 0;
    const remote = await started.listen((_req, res) => {
      asked += 1;
      res.setHeader('Content-Type', 'application/schema+json').end('{"type":"object"}');
    });
    const at = (path: string): string => `${remote.url}/${path}.json`;
    const lab = new Lab()
      .tool('ref', () => text('1'), object({ a: { $ref: at('ref') } }))
      .tool('dynamic', () => text('1'), object({ a: { $dynamicRef: at('dynamic') } }))
      .tool('meta', () => text('1'), { inputSchema: { type: 'object', $schema: at('meta') } })
      .tool('id', () => text('1'), {
        inputSchema: { type: 'object', $id: at('id'), properties: { a: { $ref: 'other.json' } } },
      })
      .tool('out', () => text('1'), { outputSchema: { type: 'object', properties: { a: { $ref: at('out') } } } });
    const { url } = await serve({ servers: { lab: { connect: lab.connect } } });
    for (const tool of ['ref', 'dynamic', 'meta', 'id', 'out']) {
      expect([tool, (await post(`${url}/lab/${tool}`, { args: { a: 1 } })).status]).toEqual([tool, 200]);
    }
    for (const page of ['/openapi.json', '/lab/openapi.json', '/docs', '/lab/docs']) {
      const answer = await fetch(url + page);
      expect(answer.status).toBe(200);
      // Nor is the reader of the description led there.
      expect(await answer.text()).not.toContain(`"$ref":"${remote.url}`);
    }
    expect(asked).toBe(0);
    await fetch(remote.url);
    expect(asked).toBe(1);
  });

  it('leads no request to a file of this machine, or to another protocol', async () => {
    const lab = new Lab();
    for (const [name, $ref] of Object.entries({
      file: 'file:///etc/passwd',
      data: 'data:application/json,{}',
      gopher: 'gopher://127.0.0.1/',
    })) {
      lab.tool(name, () => text('1'), object({ a: { $ref } }));
    }
    const { url } = await serve({ servers: { lab: { connect: lab.connect } } });
    const description = await (await fetch(`${url}/openapi.json`)).text();
    expect(description).not.toContain('root:');
    for (const name of ['file', 'data', 'gopher'])
      expect((await post(`${url}/lab/${name}`, { args: { a: 1 } })).status).toBe(200);
  });
});

describe('a list of tools that is made to be too much', () => {
  it('with schemas too deep, too large and without end leaves the others to be called and described', async () => {
    const nested = (levels: number): object =>
      Array.from({ length: levels }).reduce<object>((inner) => ({ properties: { a: inner } }), {});
    const $defs = { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } };
    const lab = new Lab()
      .tool('deep', () => text('1'), object({ a: nested(100) }))
      .tool('abyss', () => text('1'), object({ a: nested(50_000) }))
      .tool('large', () => text('1'), object({ a: { description: 'x'.repeat(1_000_000) } }))
      .tool('circular', () => text('1'), { inputSchema: { type: 'object', $ref: '#/$defs/a', $defs } })
      .tool('good', () => text('1'));
    const { url, mcpo } = await serve({ servers: { lab: { connect: lab.connect } } });
    await until(() => mcpo.stats.servers.lab?.tools === 4);
    for (const name of ['deep', 'large', 'circular', 'good']) {
      expect([name, (await post(`${url}/lab/${name}`, { args: { a: {} } })).status]).toEqual([name, 200]);
    }
    // One that nothing can be made of is left out.
    expect((await post(`${url}/lab/abyss`)).status).toBe(404);
    const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as { readonly paths: object };
    expect(Object.keys(paths)).toEqual(['/lab/deep', '/lab/large', '/lab/circular', '/lab/good']);
  });
});
