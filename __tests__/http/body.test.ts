import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import express, { type RequestHandler } from 'express';
import express4 from 'express4';
import request from 'supertest';
import { mcpoRouter } from '../../lib/index';
import { deferred, until } from '../support/deferred';
import { Lab, text } from '../support/lab';
import { silent } from '../support/loggers';

const lab = new Lab().tool('echo', ({ args }) => text(JSON.stringify(args)));
const mcpo = mcpoRouter({ servers: { lab: { connect: lab.connect } }, logger: silent, bodyLimit: 1_000 });
beforeAll(() => mcpo.ready());
afterAll(() => mcpo.close());

describe.each([
  ['Express 5', express],
  ['Express 4', express4],
])('in an app of %s whose own parser has read the body', (_name, make) => {
  const parsedBy = (...parsers: RequestHandler[]): request.Agent =>
    request(
      make()
        .use(...(parsers as never[]))
        .use('/mcp', mcpo as never) as never,
    );
  const send = (agent: request.Agent, body: string, type = 'application/json'): request.Test =>
    agent.post('/mcp/lab/echo').set('content-type', type).send(body);

  it('takes what it has parsed', async () => {
    const response = await send(parsedBy(express.json()), '{"a":{"__proto__":1,"b":[null]}}');
    expect([response.status, response.text]).toEqual([200, '{"a":{"__proto__":1,"b":[null]}}']);
  });

  it.each([
    ['bytes', express.raw({ type: '*/*' })],
    ['text', express.text({ type: '*/*' })],
  ])('parses what it has left as %s', async (_what, parser) => {
    expect((await send(parsedBy(parser), '{"a":"é"}')).body).toEqual({ a: 'é' });
    expect((await send(parsedBy(parser), '{"a"')).body).toMatchObject({ status: 400, code: 'MCPO_INVALID_JSON' });
  });

  it.each([
    ['an array', '[1]', 400, 'MCPO_INVALID_BODY'],
    ['another type', 'a=1', 415, 'MCPO_UNSUPPORTED_MEDIA_TYPE'],
    ['more than bodyLimit', JSON.stringify({ a: 'x'.repeat(1_000) }), 413, 'MCPO_BODY_TOO_LARGE'],
  ])('still refuses %s', async (_what, body, status, code) => {
    const type = status === 415 ? 'application/x-www-form-urlencoded' : undefined;
    const parsers = [express.json(), express.urlencoded({ extended: false })];
    expect((await send(parsedBy(...parsers), body, type)).body).toMatchObject({ status, code });
  });

  it('refuses a number that would go on as null', async () => {
    const { body } = await send(parsedBy(express.json()), '{"a":[1e400]}');
    expect(body).toMatchObject({ status: 400, code: 'MCPO_INVALID_JSON' });
  });

  it('takes no body as no arguments', async () => {
    expect((await parsedBy(express.json()).post('/mcp/lab/echo')).body).toEqual({});
  });
});

it.each(['{"n":1e400}', '{"deep":[{"n":-1E+999}]}', `{"n":${'9'.repeat(400)}}`])(
  'refuses a number that would go on as null: %.30s',
  async (body) => {
    const agent = request(express().use('/mcp', mcpo));
    const answer = await agent.post('/mcp/lab/echo').set('content-type', 'application/json').send(body);
    expect(answer.body).toMatchObject({ status: 400, code: 'MCPO_INVALID_JSON' });
    const fine = '{"text":"1e400","n":1e300}';
    expect((await agent.post('/mcp/lab/echo').set('content-type', 'application/json').send(fine)).text).toBe(
      '{"text":"1e400","n":1e+300}',
    );
  },
);

it('refuses what is nested too deep as just that, also beside a large number', async () => {
  const deep = `{"n":1e300,"a":${'['.repeat(8_000)}${']'.repeat(8_000)}}`;
  const router = mcpoRouter({ servers: { lab: { connect: lab.connect } }, logger: silent });
  await router.ready();
  const answer = await request(express().use('/mcp', router))
    .post('/mcp/lab/echo')
    .set('content-type', 'application/json')
    .send(deep);
  await router.close();
  expect(answer.body).toMatchObject({ status: 422, code: 'MCPO_INVALID_ARGUMENTS' });
});

it('decompresses no more of a body than it may have', async () => {
  const bomb = gzipSync(Buffer.alloc(200_000_000));
  const before = process.cpuUsage();
  const answer = await request(express().use('/mcp', mcpo))
    .post('/mcp/lab/echo')
    .set({ 'content-type': 'application/json', 'content-encoding': 'gzip' })
    .send(bomb);
  expect(answer.body).toMatchObject({ status: 413, code: 'MCPO_BODY_TOO_LARGE' });
  await new Promise((resolve) => setImmediate(resolve));
  // Inflating all of it takes some hundred milliseconds.
  expect(process.cpuUsage(before).user).toBeLessThan(100_000);
});

describe('a body that came with its head', () => {
  it('is read without listeners, and to its end', async () => {
    const ended = deferred<string>();
    const added: unknown[] = [];
    const app = express();
    app.use((req, _res, next) => {
      req.once('close', () => ended.resolve(`ended: ${String(req.readableEnded)}`));
      req.on('newListener', (event) => added.push(event));
      next();
    });
    app.use('/mcp', mcpo);
    const { status, text: body } = await request(app).post('/mcp/lab/echo').send({ a: 'é' });
    expect([status, body, await ended.promise]).toEqual([200, '{"a":"é"}', 'ended: true']);
    expect(added.filter((event) => event === 'data')).toEqual([]);
  });
});

it.each(['', 'é', 'é'.repeat(400)])('a body is understood although the host has set its encoding (%#)', async (a) => {
  const app = express();
  app.use((req, _res, next) => {
    req.setEncoding('utf8');
    next();
  });
  app.use('/mcp', mcpo);
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const json = JSON.stringify({ a });
  const req = httpRequest({
    port: (server.address() as AddressInfo).port,
    method: 'POST',
    path: '/mcp/lab/echo',
    headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(json) },
  });
  // In two pieces, cut in the middle of the text.
  req.write(json.slice(0, 6));
  await new Promise((resolve) => req.once('socket', (socket) => socket.once('connect', resolve)));
  req.end(json.slice(6));
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  const body = await textOf(res);
  server.close();
  expect([res.statusCode, body]).toEqual([200, json]);
});

it('an answer comes whole through a middleware that wraps res.end and forgets the encoding', async () => {
  const app = express();
  app.use((_req, res, next) => {
    const end = res.end.bind(res) as (chunk: unknown) => typeof res;
    res.end = ((chunk: unknown) => end(chunk)) as typeof res.end;
    next();
  });
  app.use('/mcp', mcpo);
  const { status, text: body } = await request(app).post('/mcp/lab/echo').send({ a: 'héllo 🎈' });
  expect([status, body]).toEqual([200, '{"a":"héllo 🎈"}']);
});

describe('while the host looks at the credentials', () => {
  const gate = deferred<boolean>();
  const asked = deferred<IncomingMessage>();
  const lines: object[] = [];
  const router = mcpoRouter({
    servers: { lab: { connect: lab.connect } },
    authorize: (req) => {
      asked.resolve(req);
      return gate.promise;
    },
    logger: { ...silent, debug: (fields: object) => lines.push(fields) },
  });
  beforeAll(() => router.ready());
  afterAll(() => router.close());

  it('a caller who leaves in the middle of a body is known to have gone', async () => {
    const server = express().use('/mcp', router).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.write('POST /mcp/lab/echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n');
    socket.write('Content-Length: 10\r\n\r\n{"a"');
    const req = await asked.promise;
    const gone = once(req, 'close').catch(() => undefined);
    socket.destroy();
    await gone;
    gate.resolve(true);
    await until(() => lines.length > 0, 2_000).finally(() => server.close());
    expect(lines).toMatchObject([{ server: 'lab', tool: 'echo', outcome: 'caller_gone' }]);
  });
});
