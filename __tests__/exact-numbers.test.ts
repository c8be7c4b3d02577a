import type { IncomingMessage, ServerResponse } from 'node:http';
import path from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import express from 'express';
import express4 from 'express4';
import request from 'supertest';
import { type CallLayer, JsonNumber, type McpoRouter, type ServerOptions, mcpoRouter } from '../lib';
import { inExpress4, inExpress5, inPlainHttp, listen } from './support/hosts';
import { Lab, text } from './support/lab';
import { silent } from './support/loggers';
import { parseStrictJson } from '../lib/util/exact-json';

// eslint-disable-next-line @typescript-eslint/no-require-imports -- it runs in a process of its own as well
const { answerTo } = require('./support/servers/digits.js') as { answerTo: (text: string) => string | undefined };
const STDIO = { command: process.execPath, args: [path.join(__dirname, 'support/servers/digits.js')] };
const RAW = 'application/vnd.mcp+json';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** How a server over HTTP answers. */
const ANSWERS: Readonly<Record<string, (res: ServerResponse, answer: string) => void>> = {
  json: (res, answer) => res.writeHead(200, { 'content-type': 'application/json' }).end(answer),
  'json with a charset': (res, answer) =>
    res.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(answer),
  events: (res, answer) =>
    res.writeHead(200, { 'content-type': 'text/event-stream' }).end(`event: message\ndata: ${answer}\n\n`),
  'events with ids': (res, answer) =>
    res
      .writeHead(200, { 'content-type': 'text/event-stream' })
      .end(`id: 1\r\nevent: message\r\ndata: ${answer}\r\n\r\n`),
};

async function overHttp(how: string): Promise<ServerOptions> {
  const answer = ANSWERS[how] as (typeof ANSWERS)[string];
  const mounted = await listen((req, res) => {
    void textOf(req).then((body) => {
      const text = req.method === 'POST' ? answerTo(body) : undefined;
      if (text !== undefined) answer(res, text);
      else res.writeHead(req.method === 'GET' ? 405 : 202).end();
    });
  });
  ends.push(mounted.close);
  return { url: `${mounted.url}/mcp` };
}

async function overSse(): Promise<ServerOptions> {
  const streams: ServerResponse[] = [];
  const listener = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    if (req.method === 'GET') {
      const stream = res.writeHead(200, { 'content-type': 'text/event-stream' });
      stream.write(`event: endpoint\ndata: /messages/${streams.push(stream) - 1}\n\n`);
      return;
    }
    const answer = answerTo(await textOf(req));
    res.writeHead(202).end();
    const stream = streams[Number(req.url?.split('/').pop())];
    if (answer !== undefined) stream?.write(`event: message\ndata: ${answer}\n\n`);
  };
  const mounted = await listen((req, res) => void listener(req, res));
  ends.push(mounted.close);
  return { url: `${mounted.url}/sse`, type: 'sse' };
}

const SERVERS: Readonly<Record<string, () => Promise<ServerOptions>>> = {
  stdio: async () => STDIO,
  ...Object.fromEntries(Object.keys(ANSWERS).map((how) => [how, () => overHttp(how)])),
  sse: overSse,
};

async function routerOf(server: ServerOptions, use: readonly CallLayer[] = []): Promise<McpoRouter> {
  const mcpo = mcpoRouter({ servers: { it: server }, cache: {}, use: [...use], logger: silent, drainTimeoutMs: 100 });
  ends.push(() => mcpo.close());
  await mcpo.ready();
  return mcpo;
}

interface Got {
  readonly status: number;
  readonly body: string;
  readonly cache: string;
}

async function send(url: string, body: string, headers: Readonly<Record<string, string>> = {}): Promise<Got> {
  const res = await request(url)
    .post('')
    .set({ 'content-type': 'application/json', ...headers })
    .buffer(true)
    .parse((stream, done) => void textOf(stream as never).then((all) => done(null, all)))
    .send(body);
  return { status: res.status, body: res.body as string, cache: res.get('cache-status') ?? '' };
}

const NUMBERS = [
  '9007199254740993',
  '9007199254740992',
  '-1915883588174806058',
  '0.12345678901234567890',
  '1.2345678901234567890E+30',
  '1e-400',
];

describe.each(Object.entries(SERVERS))('a server over %s', (_name, start) => {
  it('gets arguments digit for digit, and its result arrives so', async () => {
    const mcpo = await routerOf(await start());
    for (const host of [inExpress5, inExpress4, inPlainHttp]) {
      const { url, close } = await host.mount(mcpo);
      ends.push(close);
      const answers = await Promise.all(
        NUMBERS.map(
          async (number) => [number, await send(`${url}/it/echo`, `{"id":${number},"in":[{"a":${number}}]}`)] as const,
        ),
      );
      for (const [number, { status, body }] of answers) {
        expect([status, body]).toEqual([200, `{"id":${number},"in":[{"a":${number}}]}`]);
      }
    }
  });

  it('takes and gives them in code', async () => {
    const mcpo = await routerOf(await start());
    const args = { id: 9007199254740993n, small: 5n, price: new JsonNumber('0.12345678901234567890') };
    const { content, structuredContent } = await mcpo.callTool('it', 'write', args);
    expect(content).toEqual([
      { type: 'text', text: '{"id":9007199254740993,"small":5,"price":0.12345678901234567890}' },
    ]);
    expect(structuredContent).toEqual({ ...args, small: 5 });
    await expect(mcpo.callTool('it', 'write', { id: 9007199254740992n })).resolves.toMatchObject({
      structuredContent: { id: 9007199254740992 },
    });
  });
});

describe('numbers that differ only beyond a double', () => {
  it('share neither the cache nor a running call, and equal ones do', async () => {
    const { url, close } = await inExpress5.mount(await routerOf(STDIO));
    ends.push(close);
    const bodies = ['{"id":9007199254740993}', '{"id":9007199254740992}', '{"id":9007199254740993.5}'];
    for (const expected of ['', 'hit']) {
      const got = await Promise.all(bodies.map((body) => send(`${url}/it/echo`, body)));
      expect(got.map(({ body }) => body)).toEqual(bodies);
      for (const { cache } of got) expect(cache).toContain(expected);
    }
    expect((await send(`${url}/it/echo`, '{"id":9007199254740993.0}')).cache).toContain('hit');
    expect((await send(`${url}/it/echo`, '{"id":9007199254740993}', { accept: RAW })).body).toBe(
      '{"content":[{"type":"text","text":"{\\"id\\":9007199254740993}"}],"structuredContent":{"id":9007199254740993}}',
    );
  });

  it('reach layers of the host exactly, which may change them', async () => {
    const seen: unknown[] = [];
    const layer: CallLayer = async (call, next) => {
      seen.push(call.arguments['id']);
      return next(call.with({ arguments: { id: (call.arguments['id'] as bigint) + 1n } }));
    };
    const mcpo = await routerOf(STDIO, [layer]);
    const { structuredContent } = await mcpo.callTool('it', 'echo', { id: 9007199254740993n });
    expect([seen, structuredContent]).toEqual([[9007199254740993n], { id: 9007199254740994 }]);
  });
});

describe('the check of arguments', () => {
  const bounded = (body: string): [string, number] => [body, 200];
  const refused = (body: string): [string, number] => [body, 422];

  it('holds for the exact value', async () => {
    const { url, close } = await inPlainHttp.mount(await routerOf(STDIO));
    ends.push(close);
    const cases: readonly [string, number][] = [
      refused('{"max":9007199254740993}'),
      bounded('{"max":9007199254740992}'),
      bounded('{"max":-9007199254740993}'),
      bounded('{"below":9007199254740991.9}'),
      refused('{"below":9007199254740992.0}'),
      refused('{"below":9007199254740992.1}'),
      refused('{"min":-9007199254740993}'),
      bounded('{"min":9007199254740993}'),
      bounded('{"whole":12345678901234567890}'),
      bounded('{"whole":1.2345678901234567890e19}'),
      refused('{"whole":9007199254740993.5}'),
      refused('{"even":9007199254740993}'),
      bounded('{"even":9007199254740996}'),
      bounded('{"even":12345678901234567890}'),
      refused('{"cents":12345678901234567.891}'),
      bounded('{"cents":12345678901234567.89}'),
      refused('{"enum":9007199254740993}'),
      refused('{"const":0.12345678901234567}'),
      bounded('{"set":[9007199254740993,9007199254740992,9007199254740994.5]}'),
      refused('{"set":[9007199254740993,9007199254740993]}'),
      refused('{"nested":9007199254740993}'),
      refused('{"text":9007199254740993}'),
      refused('{"object":0.12345678901234567890}'),
    ];
    for (const [body, status] of cases) {
      expect([body, (await send(`${url}/it/bounded`, body)).status]).toEqual([body, status]);
    }
    const { body } = await send(`${url}/it/bounded`, '{"max":9007199254740993}');
    expect(JSON.parse(body)).toMatchObject({ errors: [{ pointer: '/max', message: 'must be <= 9007199254740992' }] });
  });

  it.each([
    ['{"a":1,"a":1}', 'two members named "a"'],
    ['{"a":[{"b":1,"\\u0062":2}]}', 'two members named "b"'],
    ['{"a":{"__proto__":1,"__proto__":2}}', 'two members named "__proto__"'],
    ['{"a":1e400}', 'too large: 1e400'],
    [`{"a":-${'9'.repeat(400)}}`, 'too large: -999'],
  ])('%# is refused with 400', async (body, detail) => {
    const { url, close } = await inPlainHttp.mount(await routerOf(STDIO));
    ends.push(close);
    const got = await send(`${url}/it/echo`, body);
    expect(got.status).toBe(400);
    expect(JSON.parse(got.body)).toMatchObject({ code: 'MCPO_INVALID_JSON', detail: expect.stringContaining(detail) });
  });

  it.each(['{"a":{"b":1},"b":{"b":1}}', '{"a":"\\"b\\":1,\\"b\\":","b":[{"c":1},{"c":1}]}', '{"a":"x\\\\","b":":"}'])(
    'does not take %s for two members of one name',
    async (body) => {
      const mcpo = await routerOf(STDIO);
      const { url, close } = await inPlainHttp.mount(mcpo);
      ends.push(close);
      expect(await send(`${url}/it/echo`, body)).toMatchObject({ status: 200, body });
    },
  );
});

describe('where no text is left', () => {
  it.each([
    ['Express 5', express],
    ['Express 4', express4],
  ])('what express.json() has made of the body is sent in %s', async (_name, framework) => {
    const mcpo = await routerOf(STDIO);
    const app = framework();
    app.use(express.json());
    app.use('/mcp', mcpo);
    const { url, close } = await listen(app);
    ends.push(close);
    expect(await send(`${url}/mcp/it/echo`, '{"id":9007199254740993,"a":1,"a":2}')).toMatchObject({
      status: 200,
      body: '{"id":9007199254740992,"a":2}',
    });
  });

  it('a transport of the host, which takes objects, gets no such number: 422', async () => {
    const lab = new Lab().tool('echo', ({ args }) => text(JSON.stringify(args)));
    const { url, close } = await inExpress5.mount(await routerOf({ connect: lab.connect }));
    ends.push(close);
    const got = await send(`${url}/it/echo`, '{"id":9007199254740993}');
    expect(got.status).toBe(422);
    expect(JSON.parse(got.body)).toMatchObject({
      code: 'MCPO_INVALID_ARGUMENTS',
      detail: expect.stringContaining('a number that a double cannot hold'),
    });
    expect(lab.runs.get('echo')).toBeUndefined();
    expect((await send(`${url}/it/echo`, '{"id":9007199254740992}')).status).toBe(200);
  });
});

describe('an answer with NaN, which is no JSON', () => {
  const NAN = '{"jsonrpc":"2.0","result":{"content":[],"structuredContent":{"id":7,"x":NaN}},"id":ID}';

  it.each(['stdio', 'json', 'events', 'events with ids', 'sse'])('is 502 at once over %s', async (name) => {
    const { url, close } = await inExpress5.mount(
      await routerOf(await (SERVERS[name] as () => Promise<ServerOptions>)()),
    );
    ends.push(close);
    const got = await send(`${url}/it/say`, JSON.stringify({ line: NAN }));
    expect([got.status, JSON.parse(got.body)]).toMatchObject([502, { code: 'MCPO_BAD_RESPONSE', outcome: 'unknown' }]);
    expect((await send(`${url}/it/echo`, '{}')).status).toBe(200);
  });
});

describe('reading a body of a MiB takes a small multiple of JSON.parse', () => {
  const MIB = 2 ** 20;
  const list = (item: string): string => `[${Array.from({ length: MIB / (item.length + 1) }, () => item).join()}]`;

  /** The least processor time of five runs, in microseconds. */
  function cost(run: () => unknown): number {
    const times = Array.from({ length: 5 }, () => {
      const before = process.cpuUsage();
      run();
      const { user, system } = process.cpuUsage(before);
      return user + system;
    });
    return Math.min(...times);
  }

  it.each([
    ['digits in a string', `"${'1'.repeat(MIB)}"`],
    ['digits of a fraction', `0.${'1'.repeat(MIB)}`],
    ['zeros before a digit', `0.${'0'.repeat(MIB)}1`],
    ['runs of 299 digits in a string', `"${`${'1'.repeat(299)} `.repeat(MIB / 300)}"`],
    ['backslashes', `"${'\\\\'.repeat(MIB / 2)}"`],
    ['quotes', `"${'\\"'.repeat(MIB / 2)}"`],
    ['small numbers', list('1')],
    ['exact numbers', list('9007199254740993')],
    ['exponents', list('1e5')],
    ['objects', list('{"a":1,"b":[]}')],
    ['arrays in arrays', `${'['.repeat(MIB / 2)}${']'.repeat(MIB / 2)}`],
  ])('%s', (_name, json) => {
    const usual = cost(() => JSON.parse(json));
    expect(cost(() => parseStrictJson(json))).toBeLessThan(40 * usual + 50_000);
  });
});
