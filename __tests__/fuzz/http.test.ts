import { type AddressInfo, type Socket, createServer } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { isMcpoError } from '../../lib';
import type { CallResult } from '../../lib/mcp/session/pending-call';
import { SHARES, fuzz, scaled, shown } from '../support/fuzz';
import { text } from '../support/lab';
import { type Rpc, Started, answer as answerOf, call, initialized } from '../support/mcp-http';

const TIMEOUT_MS = 150;
const STATUS_LINES = [
  ...['HTTP/1.1 200 OK', 'HTTP/1.1 200 OK', 'HTTP/1.1 200 OK', 'HTTP/1.0 200 OK', 'HTTP/1.1 202 Accepted'],
  ...['HTTP/1.1 100 Continue', 'HTTP/1.1 101 Switching Protocols', 'HTTP/1.1 103 Early Hints', 'HTTP/1.1 204 No'],
  ...['HTTP/1.1 304 Not Modified', 'HTTP/1.1 302 Found', 'HTTP/1.1 404 No', 'HTTP/1.1 503 No', 'HTTP/2 200'],
  ...['HTTP/1.1 99 x', 'HTTP/1.1 999 x', 'HTTP/1.1', 'rubbish', ''],
];
const HEADERS = [
  ...['Content-Type: application/json', 'Content-Type: application/json', 'Content-Type: text/event-stream'],
  ...['Content-Type: text/plain', 'Content-Length: LENGTH', 'Content-Length: LENGTH', 'Content-Length: 5'],
  ...['Content-Length: 5000', 'Content-Length: 0', 'Content-Length: -1', 'Content-Length: x'],
  ...['Transfer-Encoding: chunked', 'Transfer-Encoding: gzip, chunked', 'Connection: close', 'Connection: upgrade'],
  ...['Upgrade: websocket', 'Keep-Alive: timeout=0', 'Keep-Alive: timeout=99999999999', 'Location: /', 'Location: //['],
  ...['Mcp-Session-Id: other', `X: ${'y'.repeat(20_000)}`, '__proto__: x', 'no header', ': x', 'X: \u00ff'],
];
const BODIES = [
  ...['ANSWER', 'ANSWER', 'event: message\ndata: ANSWER\n\n', 'id: 1\ndata:\n\n', 'data: {\n\n', '[]', 'null'],
  ...['5\r\nhello\r\n', '0\r\n\r\n', '0\r\nX: y\r\n\r\n', 'ffffffffffffffffff\r\n', '-1\r\n', '\r\n', ''],
  ...['x'.repeat(70_000), 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'],
];

const SOUND = ['Content-Type: application/json', 'Content-Length: LENGTH'];

const more = <T>(values: readonly T[], maxLength: number): fc.Arbitrary<T[]> =>
  fc.array(fc.constantFrom(...values), { maxLength });

const head = fc.oneof(
  fc.tuple(fc.constant('HTTP/1.1 200 OK'), more(HEADERS, 1)).map(([line, others]) => [line, ...SOUND, ...others]),
  fc.tuple(fc.constantFrom(...STATUS_LINES), more(HEADERS, 4)).map(([line, headers]) => [line, ...headers]),
);

/** What a server answers a call with: bytes in a few pieces, and what becomes of the connection then. */
const answer = fc.record({
  heads: fc.oneof({ weight: 4, arbitrary: head.map((one) => [one]) }, fc.tuple(head, head)),
  isBroken: fc.nat(9).map((number) => number === 0),
  bodies: fc.oneof(fc.constant(['ANSWER']), more(BODIES, 3)),
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 2 }),
  end: fc.constantFrom('end', 'reset', 'destroy', 'nothing'),
});
type Answer = typeof answer extends fc.Arbitrary<infer T> ? T : never;

const started = new Started();

it('bytes of all kinds from a server over HTTP end the call that they answer, and harm nobody', async () => {
  const { answers } = SHARES.http;
  const given = new Map<number, Answer>();
  // Node's own server would not send an answer after one that it does not know of.
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    readRequests(socket, (rpc) => {
      const said = given.get(Number(rpc.params?.arguments?.at));
      const good = answerOf(rpc.id, text('good'));
      if (said) say(said, good, socket);
      else if (rpc.method === 'tools/call') socket.write(json(good));
      else socket.write(rpc.method === 'initialize' ? json(initialized(rpc)) : EMPTY);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const seen: Record<string, number> = {};
  let made = 0;
  try {
    const connection = await started.connect(`http://127.0.0.1:${port}/mcp`);
    await fuzz('http', answer, { cases: answers, batch: 20 }, async (batch) => {
      await Promise.all(
        batch.map(async (said) => {
          const at = made++;
          given.set(at, said);
          const ended = await endOf(call(connection, { at }, 'echo', TIMEOUT_MS));
          given.delete(at);
          seen[ended] = (seen[ended] ?? 0) + 1;
          if (!/^(?:good|MCPO_\w+)$/.test(ended)) throw new Error(`${ended} for ${shown(said)}`);
        }),
      );
      expect(await endOf(call(connection))).toBe('good');
    });
  } finally {
    await started.end();
    await new Promise((resolve) => server.close(resolve));
  }
  process.stdout.write(`fuzz http: ${made} answers, ${JSON.stringify(seen)}\n`);
  expect(made).toBeGreaterThanOrEqual(scaled(answers));
  expect(seen.good).toBeGreaterThan(made / 10);
}, 300_000);

/** How a call ended. */
function endOf(work: Promise<CallResult>): Promise<string> {
  return work.then(
    (result) => (isDeepStrictEqual(result, text('good')) ? 'good' : 'another answer'),
    (error: unknown) => (isMcpoError(error) ? error.code : String(error)),
  );
}

const EMPTY = 'HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n';
const json = (body: string): string =>
  `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

/** Tells of the message in each request on a connection. */
function readRequests(socket: Socket, onMessage: (rpc: Rpc) => void): void {
  let come = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    come += chunk;
    for (;;) {
      const [head] = /^[^]*?\r\n\r\n/.exec(come) ?? [];
      if (head === undefined) return;
      const end = head.length + Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (come.length < end) return;
      const body = come.slice(head.length, end);
      come = come.slice(end);
      onMessage(body === '' ? {} : (JSON.parse(body) as Rpc));
    }
  });
}

/** Writes bytes in pieces. */
function say({ heads, isBroken, bodies, cuts, end }: Answer, good: string, socket: Socket): void {
  const body = bodies.join('').replaceAll('ANSWER', good);
  const start = heads.map((lines) => `${lines.join('\r\n')}\r\n\r\n`).join('');
  const whole = start.replaceAll('LENGTH', String(Buffer.byteLength(body))) + body;
  const bytes = Buffer.from(isBroken ? whole.replace('\r\n\r\n', '\r\n') : whole, 'latin1');
  const places = [0, ...cuts.map((cut) => Math.floor(cut * bytes.length)).sort((a, b) => a - b), bytes.length];
  const pieces = places.slice(1).map((place, index) => bytes.subarray(places[index], place));
  const next = (): void => {
    const piece = pieces.shift();
    if (socket.destroyed) return;
    if (piece) socket.write(piece, () => setImmediate(next));
    else if (end === 'end') socket.end();
    else if (end === 'reset') socket.resetAndDestroy();
    else if (end === 'destroy') socket.destroy();
  };
  next();
}
