import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import type { McpoRouter } from '../lib';
import { until } from './support/deferred';
import { samplesNamed } from './support/exposition';
import { post } from './support/post';
import { serving } from './support/serve';
import { scripted } from './support/stdio';

jest.setTimeout(300_000);

const serve = serving();
const MEGABYTES = 10;
const CALLERS = 24;
const MAX = 32 * 2 ** 20;

let sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
});

/** A caller who asks for much and reads nothing. */
async function deaf(url: string): Promise<Socket> {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  socket.on('error', () => undefined).pause();
  await once(socket, 'connect');
  const body = JSON.stringify({ megabytes: MEGABYTES });
  const lines = ['Host: localhost', 'Content-Type: application/json', `Content-Length: ${body.length}`];
  socket.write([`POST ${pathname}/lab/big HTTP/1.1`, ...lines, '', body].join('\r\n'));
  return socket;
}

/** How many bytes a router says that it holds. */
async function held(mcpo: McpoRouter): Promise<number> {
  return Object.values(samplesNamed(await mcpo.registry.metrics(), 'mcpo_buffered_bytes'))[0] ?? 0;
}

const lab = { ...scripted(), pool: { minConnections: 1, maxConnections: 2 } };
// No call is to end by its time where a machine is slow.
const servers = { lab: { command: lab.command, args: lab.args, pool: lab.pool, timeoutMs: 280_000 } };

it(`${CALLERS} callers who ask for ${MEGABYTES} MB and do not read hold a bounded amount`, async () => {
  const { url, mcpo } = await serve({ servers, maxBufferedBytes: MAX, concurrency: { maxConcurrent: CALLERS } });
  const before = process.memoryUsage.rss();
  for (let call = 0; call < CALLERS; call++) await deaf(url);
  let most = 0;
  await until(async () => {
    most = Math.max(most, await held(mcpo));
    return most >= MAX;
  }, 200_000);
  const refused = await post(`${url}/lab/echo`, { args: { text: 'x' } });
  expect(refused).toMatchObject({ status: 503, body: { code: 'MCPO_OVERLOADED' } });
  expect(refused.header('retry-after')).toBe('1');
  // One answer more of each connection, which it had begun to read.
  for (let look = 0; look < 50; look++) {
    most = Math.max(most, await held(mcpo));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(most).toBeLessThanOrEqual(MAX + 4 * MEGABYTES * 2 ** 20);
  process.stdout.write(
    `held ${Math.round(most / 2 ** 20)} MiB, RSS + ${Math.round((process.memoryUsage.rss() - before) / 2 ** 20)} MiB\n`,
  );
  // When they leave, there is room again.
  for (const socket of sockets) socket.destroy();
  await until(async () => (await held(mcpo)) === 0, 30_000);
  expect((await post(`${url}/lab/echo`, { args: { text: 'x' } })).status).toBe(200);
});

it('an answer of which nothing is read for 30 s is cut, and its bytes are free', async () => {
  const { url, mcpo } = await serve({ servers });
  const socket = await deaf(url);
  await until(async () => (await held(mcpo)) > MEGABYTES * 2 ** 20, 20_000);
  const begun = performance.now();
  await until(async () => (await held(mcpo)) === 0, 90_000);
  expect(performance.now() - begun).toBeGreaterThan(25_000);
  let got = 0;
  socket.on('data', (chunk: Buffer) => (got += chunk.length)).resume();
  await once(socket, 'close');
  expect(got).toBeLessThan(MEGABYTES * 2 ** 20);
});
