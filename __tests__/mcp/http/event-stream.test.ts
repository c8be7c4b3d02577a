import type { ServerResponse } from 'node:http';
import { deferred, until } from '../../support/deferred';
import { text } from '../../support/lab';
import { Started, answer, byHand, call, failure } from '../../support/mcp-http';

const started = new Started();
afterEach(() => started.end());

const STREAM = { 'Content-Type': 'text/event-stream' };
const PROGRESS = { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'half of it' } };
const lost = { code: 'MCPO_CONNECTION_LOST', outcome: 'unknown' };

function event(message: unknown, before = 'event: message\n'): string {
  return `${before}data: ${typeof message === 'string' ? message : JSON.stringify(message)}\n\n`;
}

/** Writes these pieces, each after the one before has left. */
function write(res: ServerResponse, pieces: readonly (string | Buffer)[], end: () => unknown = () => res.end()): void {
  const [first, ...rest] = pieces;
  if (first === undefined) end();
  else res.write(first, () => setImmediate(() => write(res, rest, end)));
}

async function connect(answerCall: (res: ServerResponse, id: number) => void): ReturnType<Started['connect']> {
  const { url } = await started.listen(byHand((rpc, res) => answerCall(res, rpc.id ?? NaN)));
  return started.connect(`${url}/mcp`);
}

it.each([
  ['named', 'event: message\n'],
  ['without a name', ''],
  ['with Windows line ends', 'event: message\r\n'],
])('the answer is an event %s', async (_what, before) => {
  const connection = await connect((res, id) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' });
    res.end(event(answer(id, text('well')), before));
  });
  expect(await call(connection)).toEqual(text('well'));
});

it('events may come in any pieces, characters cut in two among them', async () => {
  const said = text('é🎈'.repeat(3));
  const connection = await connect((res, id) => {
    res.writeHead(200, STREAM);
    const bytes = Buffer.from(`: a comment\nevent: other\ndata: {}\n\n${event(answer(id, said))}`);
    write(res, [event(PROGRESS), ...Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))]);
  });
  expect(await call(connection)).toEqual(said);
});

it('data may be spread over lines', async () => {
  const connection = await connect((res, id) => {
    const [begin = '', end = ''] = answer(id, text('well')).split(/(?<=,)(?=")/, 2);
    const rest = answer(id, text('well')).slice(begin.length + end.length);
    res.writeHead(200, STREAM).end(event(PROGRESS) + `data: ${begin}\ndata: ${end}${rest}\n\n`);
  });
  expect(await call(connection)).toEqual(text('well'));
});

it.each(['0', '99999999999'])(
  'a stream of the server that ends is opened again after a bounded pause, though it says retry: %s',
  async (retry) => {
    const opened: number[] = [];
    const others = byHand((rpc, res) => res.end());
    const { url } = await started.listen((req, res) => {
      if (req.method !== 'GET') return others(req, res);
      opened.push(performance.now());
      return res.writeHead(200, STREAM).end(`retry: ${opened.length === 1 ? retry : '0'}\nid: 1\ndata:\n\n`);
    });
    const spy = jest.spyOn(globalThis, 'setTimeout');
    await started.connect(`${url}/mcp`);
    await until(() => spy.mock.calls.some(([, ms]) => ms === (retry === '0' ? 1_000 : 30_000)));
    spy.mockRestore();
    expect(opened).toHaveLength(1);
    if (retry !== '0') return;
    await until(() => opened.length === 3);
    for (const index of [1, 2]) expect((opened[index] ?? 0) - (opened[index - 1] ?? 0)).toBeGreaterThan(900);
  },
);

it('the answer does not wait for the end of its stream, which closing ends', async () => {
  const ended = deferred();
  const connection = await connect((res, id) => {
    res
      .on('close', ended.resolve)
      .writeHead(200, STREAM)
      .write(event(answer(id, text('well'))));
  });
  expect(await call(connection)).toEqual(text('well'));
  await connection.close();
  await ended.promise;
});

it('what follows the answer is heard, too', async () => {
  const connection = await connect((res, id) => {
    res.writeHead(200, STREAM);
    const changed = event({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
    write(res, [event(answer(id, text('well'))), changed]);
  });
  let changes = 0;
  connection.onToolsChanged(() => (changes += 1));
  expect(await call(connection)).toEqual(text('well'));
  await until(() => changes === 1, 2_000);
});

it('rubbish among the events is passed over', async () => {
  const connection = await connect((res, id) => {
    res.writeHead(200, STREAM).end(event('{"half') + event('[1]') + event(answer(id, text('well'))));
  });
  expect(await call(connection)).toEqual(text('well'));
});

it('an answer that is none ends its call', async () => {
  const connection = await connect((res, id) => {
    res.writeHead(200, STREAM).write(event({ jsonrpc: '2.0', id, outcome: 'fine' }));
  });
  expect(await failure(call(connection))).toMatchObject({ code: 'MCPO_BAD_RESPONSE' });
});

it.each<[string, (res: ServerResponse) => void]>([
  ['ends without a byte', (res) => res.end()],
  ['is cut before its first byte', (res) => res.flushHeaders()],
  ['ends after another event', (res) => res.end(event(PROGRESS))],
  ['is cut after another event', (res) => write(res, [event(PROGRESS), 'data: {"json'], () => res.destroy())],
])('a stream that %s ends its call at once', async (_what, end) => {
  const connection = await connect((res) => {
    res.writeHead(200, STREAM);
    end(res);
    if (!res.writableEnded) setImmediate(() => res.destroy());
  });
  expect(await failure(call(connection))).toMatchObject(lost);
  expect(connection.closed).toBe(false);
});

it('an endless event ends its call', async () => {
  const ended = deferred();
  const connection = await connect((res) => {
    res.on('close', ended.resolve).writeHead(200, STREAM).write(event(PROGRESS));
    const piece = Buffer.alloc(1_048_576, 'x');
    // What is written after the end is an error, which newer versions of Node tell at once.
    const more = (error?: Error | null): void => {
      if (!error && !res.destroyed) res.write(piece, more);
    };
    res.write('data: "', more);
  });
  expect(await failure(call(connection))).toMatchObject(lost);
  await ended.promise;
});

it('a call that is given up ends its stream', async () => {
  const ended = deferred();
  const connection = await connect((res) => {
    res.on('close', ended.resolve).writeHead(200, STREAM).write(event(PROGRESS));
  });
  expect(await failure(call(connection, {}, 'echo', 200))).toMatchObject({ code: 'MCPO_TIMEOUT' });
  await ended.promise;
});

it.each([
  ['without ids', ''],
  ['with ids', 'id: 1\n'],
])('a stream %s that the server leaves open after its answer is closed', async (_what, id) => {
  let open = 0;
  const connection = await connect((res, request) => {
    open += 1;
    res.on('close', () => (open -= 1)).writeHead(200, STREAM);
    res.write(event(answer(request, text('well')), id));
  });
  await Promise.all(Array.from({ length: 5 }, async () => expect(await call(connection)).toEqual(text('well'))));
  await until(() => open === 0);
  expect(connection.closed).toBe(false);
});

it('lines of ids without an end take linear time', async () => {
  const lines = 'id:x\n'.repeat(200_000);
  const connection = await connect((res, request) => {
    res.writeHead(200, STREAM).end(`${lines}${event(answer(request, text('well')))}`);
  });
  const before = process.cpuUsage();
  expect(await call(connection)).toEqual(text('well'));
  const { user, system } = process.cpuUsage(before);
  // A small multiple of what the parser takes; quadratic, it was six seconds.
  expect((user + system) / 1_000).toBeLessThan(2_000);
});
