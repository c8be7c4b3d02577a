import { gzipSync } from 'node:zlib';
import type { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { deferred, until } from '../../support/deferred';
import { text } from '../../support/lab';
import { type Seen, Started, answer, byHand, call, failure, sendJson, streamable } from '../../support/mcp-http';

const started = new Started();
afterEach(() => started.end());

describe.each([
  ['JSON', true],
  ['event streams', false],
])('a server that answers in %s', (_, json) => {
  it.each([
    ['with sessions', true],
    ['without sessions', false],
  ])('%s is called, many times at once', async (_name, stateful) => {
    const sessions = new Map<string, StreamableHTTPServerTransport>();
    const { url } = await started.listen(streamable({ json, stateful, sessions }));
    const connection = await started.connect(url);
    expect(connection.serverInfo).toMatchObject({ name: 'echo', version: '1.0.0' });
    expect((await connection.listTools())?.map(({ name }) => name)).toEqual(['echo']);
    const calls = Array.from({ length: 50 }, (_item, n) => ({ n, text: 'grüße 🎈' }));
    expect(await Promise.all(calls.map((args) => call(connection, args)))).toEqual(
      calls.map((args) => text(JSON.stringify(args))),
    );
    expect(sessions.size).toBe(stateful ? 1 : 0);
    await connection.close();
    expect([sessions.size, connection.closed]).toEqual([0, true]);
  });
});

describe('an answer in an event stream', () => {
  it('is found behind thousands of other messages and cut into single bytes', async () => {
    const { url } = await started.listen(
      byHand((rpc, res) => {
        res.writeHead(200, { 'Content-Type': 'text/event-stream' });
        const note = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { data: 'id:' } });
        res.write(`: comment\r\n\r\ndata: ${note}\n\n`.repeat(3_000));
        for (const byte of Buffer.from(`event: message\ndata: ${answer(rpc.id, text('naïve'))}\n\n`)) {
          res.write(Buffer.of(byte));
        }
        res.end();
      }),
    );
    expect(await call(await started.connect(`${url}/mcp`))).toEqual(text('naïve'));
  });

  it('comes late when others overtake it', async () => {
    const gate = deferred();
    const run = async ({ slow }: Record<string, unknown>): Promise<ReturnType<typeof text>> => {
      if (slow === true) await gate.promise;
      return text(slow === true ? 'slow' : 'fast');
    };
    const { url } = await started.listen(streamable({ json: false, stateful: true, run }));
    const connection = await started.connect(url);
    const slow = call(connection, { slow: true });
    for (let n = 0; n < 20; n += 1) expect(await call(connection)).toEqual(text('fast'));
    gate.resolve();
    expect(await slow).toEqual(text('slow'));
  });
});

describe('a URL with a name and a password', () => {
  it.each(['streamable-http', 'sse'] as const)('gives basic authentication in mode %s', async (mode) => {
    const seen: (string | undefined)[] = [];
    const { url } = await started.listen((req, res) => {
      seen.push(req.headers.authorization);
      res.writeHead(500).end();
    });
    const withPassword = url.replace('//', '//ad%20a:hunter%3A2@');
    const error = await failure(started.connect(withPassword, mode));
    expect(seen).toEqual([`Basic ${Buffer.from('ad a:hunter:2').toString('base64')}`]);
    expect(error.message).not.toContain('hunter');
    await failure(started.connect(withPassword, mode, { Authorization: 'Bearer own' }));
    expect(seen[1]).toBe('Bearer own');
  });
});

describe('an answer that is given in a way that was not asked for', () => {
  it.each(['application/json', 'text/event-stream'])('is read: %s compressed, and its type twice', async (type) => {
    const { url } = await started.listen(
      byHand((rpc, res) => {
        const json = answer(rpc.id, text('well'));
        const body = type === 'application/json' ? json : `data: ${json}\n\n`;
        res.writeHead(200, ['Content-Type', type, 'Content-Type', type, 'Content-Encoding', 'gzip']);
        res.end(gzipSync(body));
      }),
    );
    expect(await call(await started.connect(`${url}/mcp`))).toEqual(text('well'));
  });
});

describe('2,000 calls with 16 in flight', () => {
  it.each([
    ['JSON', true],
    ['event streams', false],
  ])(
    'in %s leave no listeners behind',
    async (_, json) => {
      const warnings: string[] = [];
      const onWarning = ({ name, message }: Error): void => void warnings.push(`${name}: ${message}`);
      process.on('warning', onWarning);
      const { url } = await started.listen(
        byHand((rpc, res) => {
          const body = answer(rpc.id, text(String(rpc.params?.arguments?.n)));
          if (json) sendJson(res, body);
          else res.writeHead(200, { 'Content-Type': 'text/event-stream' }).end(`data: ${body}\n\n`);
        }),
      );
      const connection = await started.connect(`${url}/mcp`);
      const results: unknown[] = [];
      let next = 0;
      const caller = async (): Promise<void> => {
        for (let n = next++; n < 2_000; n = next++) results[n] = await call(connection, { n });
      };
      await Promise.all(Array.from({ length: 16 }, caller));
      expect(results).toEqual(Array.from({ length: 2_000 }, (_item, n) => text(String(n))));
      await connection.close();
      // Warnings are emitted on the next tick.
      await new Promise(setImmediate);
      process.off('warning', onWarning);
      expect(warnings).toEqual([]);
    },
    60_000,
  );
});

describe('closing', () => {
  it('ends the session on the server, once', async () => {
    const seen: Seen[] = [];
    const { url } = await started.listen(
      byHand((_rpc, res) => void res.writeHead(200).end(), { sessionId: 'one', seen }),
    );
    const connection = await started.connect(`${url}/mcp`, 'streamable-http', { authorization: 'Bearer secret' });
    await Promise.all([connection.close(), connection.close()]);
    await connection.close();
    const ends = seen.filter(({ method }) => method === 'DELETE');
    expect(ends.map(({ headers }) => headers)).toEqual([
      expect.objectContaining({ 'mcp-session-id': 'one', authorization: 'Bearer secret' }),
    ]);
  });

  it('sends no DELETE where there is no session', async () => {
    const seen: Seen[] = [];
    const { url } = await started.listen(byHand((_rpc, res) => void res.writeHead(200).end(), { seen }));
    const connection = await started.connect(`${url}/mcp`);
    await connection.close();
    expect(seen.map(({ method }) => method)).not.toContain('DELETE');
  });

  it.each([405, 404, 500])('does not mind that the server answers the DELETE with %i', async (status) => {
    const { url } = await started.listen(byHand((_rpc, res) => void res.writeHead(status).end(), { sessionId: 'one' }));
    const connection = await started.connect(`${url}/mcp`);
    await expect(connection.close()).resolves.toBeUndefined();
    expect(connection.closed).toBe(true);
  });

  it('takes little more than a second where the DELETE hangs, and ends the calls under way', async () => {
    let hanging = 0;
    const { url, server } = await started.listen(
      byHand(
        (_rpc, res) => {
          hanging += 1;
          res.on('close', () => (hanging -= 1));
        },
        { sessionId: 'one' },
      ),
    );
    const connection = await started.connect(`${url}/mcp`);
    const lost = failure(call(connection));
    await until(() => hanging === 1);
    const began = performance.now();
    await connection.close();
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(await lost).toMatchObject({ code: 'MCPO_CONNECTION_LOST', outcome: 'unknown' });
    await until(() => hanging === 0);
    expect(server.listening).toBe(true);
  });

  it('ends a call whose answer has begun', async () => {
    const answering = deferred();
    const ended = deferred();
    const { url } = await started.listen(
      byHand((_rpc, res) => {
        res.on('close', ended.resolve).writeHead(200, { 'Content-Type': 'text/event-stream' });
        res.write(': working\n\n', () => {
          answering.resolve();
        });
      }),
    );
    const connection = await started.connect(`${url}/mcp`);
    const lost = failure(call(connection));
    await answering.promise;
    await connection.close();
    expect(await lost).toMatchObject({ code: 'MCPO_CONNECTION_LOST', outcome: 'unknown' });
    await ended.promise;
  });

  it('ends what is left of a bad answer that never ends', async () => {
    const ended = deferred();
    const { url } = await started.listen(
      byHand((_rpc, res) => void res.on('close', ended.resolve).writeHead(500).write('for ever and')),
    );
    const connection = await started.connect(`${url}/mcp`);
    expect(await failure(call(connection, {}, 'echo', 300))).toMatchObject({ code: 'MCPO_TIMEOUT' });
    await connection.close();
    await ended.promise;
  });

  it('leaves nothing of a call that timed out', async () => {
    let open = 0;
    const { url } = await started.listen(
      byHand((_rpc, res) => {
        open += 1;
        res.on('close', () => (open -= 1));
      }),
    );
    const connection = await started.connect(`${url}/mcp`);
    const errors = await Promise.all(Array.from({ length: 5 }, () => failure(call(connection, {}, 'echo', 100))));
    expect(errors.map(({ code }) => code)).toEqual(Array(5).fill('MCPO_TIMEOUT'));
    await until(() => open === 0, 2_000);
    expect(connection.closed).toBe(false);
  });
});

describe('an answer in JSON', () => {
  const answering = async (body: (id: number | undefined) => string | Buffer): Promise<string> => {
    const { url } = await started.listen(
      byHand((rpc, res) => {
        res.writeHead(200, { 'Content-Type': 'application/json' }).end(body(rpc.id));
      }),
    );
    return `${url}/mcp`;
  };

  it('may begin with a byte order mark', async () => {
    const url = await answering((id) =>
      Buffer.concat([Buffer.of(0xef, 0xbb, 0xbf), Buffer.from(answer(id, text('é')))]),
    );
    expect(await call(await started.connect(url))).toEqual(text('é'));
  });

  it('that is no JSON is nonsense, and no connection that was lost', async () => {
    const url = await answering(() => '{"jsonrpc":"2.0","text":"aborted');
    const error = await failure(call(await started.connect(url)));
    expect(error).toMatchObject({ code: 'MCPO_BAD_RESPONSE', outcome: 'unknown' });
  });
});
