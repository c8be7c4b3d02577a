import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { concurrencyLimit, mcpoRouter } from '../lib';
import type { Layer } from '../lib/http/compose';
import { deferred, until } from './support/deferred';
import { Lab, text } from './support/lab';
import { silent } from './support/loggers';

let ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  ends = [];
});

/** A client of a server that speaks HTTP/2 without TLS, as behind a proxy. */
async function serving(layer: Layer): Promise<ClientHttp2Session> {
  const server = createServer((req, res) => layer(req as never, res as never, () => res.writeHead(404).end()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  ends.push(
    () => server.close(),
    () => client.destroy(),
  );
  return client;
}

async function answerOf(stream: ClientHttp2Stream): Promise<[status: unknown, body: string]> {
  let body = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
  await once(stream, 'end');
  return [headers[':status'], body];
}

it('arguments without a length are not overlooked over HTTP/2, and a request without a body has none', async () => {
  const lab = new Lab().tool('echo', ({ args }) => text(JSON.stringify(args)));
  const mcpo = mcpoRouter({ servers: { lab: { connect: lab.connect } }, logger: silent });
  ends.push(() => mcpo.close());
  await mcpo.ready();
  const client = await serving(mcpo as unknown as Layer);
  const headers = { ':method': 'POST', ':path': '/lab/echo' };
  const withBody = client.request({ ...headers, 'content-type': 'application/json' });
  withBody.end('{"only":"this"}');
  expect(await answerOf(withBody)).toEqual([200, '{"only":"this"}']);
  expect(await answerOf(client.request(headers, { endStream: true }))).toEqual([200, '{}']);
});

it('a limit gets back the permits of streams that were reset before they came to it', async () => {
  const limited = concurrencyLimit({ maxConcurrent: 2 });
  const gate = deferred();
  let waiting = 0;
  const client = await serving((req, res, next) => {
    waiting++;
    void gate.promise.then(() => {
      limited(req, res, (error) => (error === undefined ? res.end('admitted') : next(error)));
    });
  });
  const reset = [1, 2, 3].map(() => client.request({ ':path': '/' }));
  for (const stream of reset) stream.on('error', () => undefined);
  await until(() => waiting === 3);
  const closed = Promise.all(reset.map((stream) => once(stream, 'close')));
  for (const stream of reset) stream.close(8);
  await closed;
  // What comes after them on the connection has been read after their ends.
  const last = client.request({ ':path': '/' });
  await until(() => waiting === 4);
  gate.resolve();
  expect(await answerOf(last)).toEqual([200, 'admitted']);
  await until(() => limited.limiter.current === 0);
});
