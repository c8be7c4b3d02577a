import type { ServerResponse } from 'node:http';
import { asMcpoError, isNotSent, rateLimited } from '../../../lib/mcp/session/failures';
import { until } from '../../support/deferred';
import { text } from '../../support/lab';
import { type Seen, Started, answer, byHand, call, failure, sendJson } from '../../support/mcp-http';

const started = new Started();
afterEach(() => started.end());

const STREAM = { 'Content-Type': 'text/event-stream' };

/** How the call of a tool fails where the server answers it in some way, and whether the connection lives on. */
async function fault(answerCall: (res: ServerResponse, id: number) => void): Promise<object> {
  const { url } = await started.listen(
    byHand((rpc, res) => {
      answerCall(res, rpc.id ?? NaN);
    }),
  );
  const connection = await started.connect(`${url}/mcp`);
  const error = await failure(call(connection));
  const { code, status, outcome, headers } = error;
  await new Promise(setImmediate);
  const { closed } = connection;
  return { code, status, outcome, headers, notSent: isNotSent(error), closed };
}

describe('an answer that is cut off', () => {
  const lost = { code: 'MCPO_CONNECTION_LOST', outcome: 'unknown', notSent: false, closed: false };

  it('fails its call at once where it is an event stream that ends', async () => {
    expect(await fault((res) => res.writeHead(200, STREAM).end(': soon\n\n'))).toMatchObject(lost);
  });

  it('fails its call at once where it is an event stream whose socket is cut', async () => {
    const cut = (res: ServerResponse): void => {
      res.writeHead(200, STREAM).write('event: message\ndata: {"jsonrpc":', () => res.destroy());
    };
    expect(await fault(cut)).toMatchObject(lost);
  });

  it('fails its call at once where it is JSON', async () => {
    const cut = (res: ServerResponse): void => {
      res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 100 });
      res.write('{"jsonrpc":', () => res.destroy());
    };
    expect(await fault(cut)).toMatchObject(lost);
  });

  it('fails its call at once where there is not even a beginning', async () => {
    expect(await fault((res) => res.destroy())).toMatchObject(lost);
  });

  it('fails no other call', async () => {
    const open = new Map<string, () => void>();
    const { url } = await started.listen(
      byHand((rpc, res) => {
        res.writeHead(200, STREAM).flushHeaders();
        const cut = rpc.params?.arguments?.cut === true;
        open.set(cut ? 'cut' : 'whole', () => res.end(cut ? '' : `data: ${answer(rpc.id, text('whole'))}\n\n`));
      }),
    );
    const connection = await started.connect(`${url}/mcp`);
    const whole = call(connection);
    const cut = failure(call(connection, { cut: true }));
    await until(() => open.size === 2);
    open.get('cut')?.();
    expect(await cut).toMatchObject({ code: 'MCPO_CONNECTION_LOST' });
    open.get('whole')?.();
    expect(await whole).toEqual(text('whole'));
  });

  it('is asked for again where it gave an event id, however the network cut it', async () => {
    let id: number | undefined;
    const { url } = await started.listen(
      byHand((rpc, res, req) => {
        res.writeHead(200, STREAM);
        if (req.method === 'GET') res.end(`data: ${answer(id, text(String(req.headers['last-event-id'])))}\n\n`);
        else {
          id = rpc.id;
          res.write('retry: 1\n: a comment\ni', () => res.write('d: seven\ndata:\n\n', () => res.destroy()));
        }
      }),
    );
    expect(await call(await started.connect(`${url}/mcp`))).toEqual(text('seven'));
  });

  it.each([
    ['answers 405 to that', (res: ServerResponse): unknown => res.writeHead(405).end()],
    ['is gone by then', (res: ServerResponse): unknown => res.destroy()],
  ])('fails its call where it gave an event id but %s', async (_, resume) => {
    const { url } = await started.listen(
      byHand((_rpc, res, req) => {
        if (req.method === 'GET') resume(res);
        else res.writeHead(200, STREAM).write('retry: 1\nid: seven\ndata:\n\n', () => res.destroy());
      }),
    );
    const connection = await started.connect(`${url}/mcp`);
    expect(await failure(call(connection))).toMatchObject({ code: 'MCPO_CONNECTION_LOST', outcome: 'unknown' });
  });
});

describe('a server that asks something itself', () => {
  it('may number its requests like ours', async () => {
    const seen: Seen[] = [];
    const { url } = await started.listen(
      byHand(
        (rpc, res) => {
          if (rpc.method === 'tools/call') {
            res.writeHead(200, STREAM);
            res.write(`data: ${JSON.stringify({ jsonrpc: '2.0', id: rpc.id, method: 'ping' })}\n\n`);
            void until(() => seen.some(({ rpc: { id, method } }) => id === rpc.id && method === undefined)).then(
              // The answer to the ping has been answered, and what follows from that has happened, before ours comes.
              () => setTimeout(() => res.end(`data: ${answer(rpc.id, text('well'))}\n\n`), 100),
            );
          } else res.writeHead(202).end();
        },
        { seen },
      ),
    );
    expect(await call(await started.connect(`${url}/mcp`))).toEqual(text('well'));
  });
});

describe('a session that the server has forgotten', () => {
  it.each([404, 400])('is told by %i: nothing was sent, and the connection takes no more calls', async (status) => {
    const seen: Seen[] = [];
    let sessions = 0;
    const forgets = byHand(
      (rpc, res, req) => {
        if (req.headers['mcp-session-id'] === '1') res.writeHead(status).end('no such session');
        else sendJson(res, answer(rpc.id, {}));
      },
      { sessionId: () => String(++sessions), seen },
    );
    const { url } = await started.listen(forgets);
    const connection = await started.connect(`${url}/mcp`);
    let closed = 0;
    connection.onClose(() => (closed += 1));
    const error = await failure(call(connection));
    expect(error).toMatchObject({ code: 'MCPO_SERVER_DOWN', status: 503, outcome: undefined });
    expect(isNotSent(error)).toBe(true);
    expect(connection.closed).toBe(true);
    const calls = (): number => seen.filter(({ rpc }) => rpc.method === 'tools/call').length;
    const again = await failure(call(connection));
    expect([again.code, isNotSent(again), calls()]).toEqual(['MCPO_SERVER_DOWN', true, 1]);
    await connection.close();
    expect(closed).toBe(1);
  });
});

describe('a session of which it is not known whether the server has forgotten it', () => {
  it.each([404, 400])('is kept where pings of a new one are answered %i too; the tool may have run', async (status) => {
    let sessions = 0;
    const { url } = await started.listen(
      byHand((_rpc, res) => void res.writeHead(status).end(), { sessionId: () => String(++sessions) }),
    );
    const connection = await started.connect(`${url}/mcp`);
    const lost = await Promise.all([failure(call(connection)), failure(call(connection))]);
    for (const error of lost) expect(error).toMatchObject({ code: 'MCPO_BAD_RESPONSE', outcome: 'unknown' });
    expect(connection.closed).toBe(false);
    // One more session for both, to find out.
    expect(sessions).toBe(2);
  });
});

describe('a message that the server does not like', () => {
  it.each([404, 400])('and refuses with %i costs neither the session nor another try', async (status) => {
    const seen: Seen[] = [];
    const { url } = await started.listen(
      byHand(
        (rpc, res) => {
          if (rpc.method === 'tools/call') res.writeHead(status).end('not this one');
          else sendJson(res, answer(rpc.id, {}));
        },
        { sessionId: 'alive', seen },
      ),
    );
    const connection = await started.connect(`${url}/mcp`);
    expect(await failure(call(connection))).toMatchObject({ code: 'MCPO_BAD_RESPONSE', outcome: 'unknown' });
    expect(connection.closed).toBe(false);
    expect(seen.filter(({ rpc }) => rpc.method === 'tools/call')).toHaveLength(1);
  });
});

describe('a connection that breaks', () => {
  it.each(['EHOSTUNREACH', 'ECONNREFUSED', 'EMFILE'])('with %s after something was sent may have run it', (code) => {
    const broken = (syscall: string): Error =>
      new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code, syscall }) });
    const on = { closed: false, forgotten: false };
    expect(asMcpoError(broken('read'), on)).toMatchObject({ code: 'MCPO_CONNECTION_LOST', outcome: 'unknown' });
    expect(isNotSent(asMcpoError(broken('read'), on))).toBe(false);
    expect(isNotSent(asMcpoError(broken('connect'), on))).toBe(true);
  });
});

it('a connection that took too long to be made has sent nothing', () => {
  const late = Object.assign(new Error('Connect Timeout Error'), { code: 'UND_ERR_CONNECT_TIMEOUT' });
  const fault = asMcpoError(new TypeError('fetch failed', { cause: late }), { closed: false, forgotten: false });
  expect(fault).toMatchObject({ code: 'MCPO_SERVER_DOWN', outcome: undefined });
  expect(isNotSent(fault)).toBe(true);
});

describe('a status that is no answer', () => {
  const refused = { code: 'MCPO_BAD_RESPONSE', status: 502, notSent: false, closed: false };
  const overloaded = {
    code: 'MCPO_UPSTREAM_RATE_LIMITED',
    status: 429,
    outcome: undefined,
    notSent: true,
    closed: false,
  };
  const nonsense = { code: 'MCPO_BAD_RESPONSE', status: 502, outcome: 'unknown', notSent: false, closed: false };

  it.each([
    [401, refused],
    [403, refused],
    [429, { ...overloaded, headers: { 'Retry-After': '1' } }],
    // A gateway may say so after the server has had the request.
    [503, { code: 'MCPO_CONNECTION_LOST', status: 502, outcome: 'unknown', notSent: false, closed: false }],
    [500, nonsense],
    [502, nonsense],
    [405, nonsense],
    [300, nonsense],
  ])('%i', async (status, expected) => {
    expect(await fault((res) => res.writeHead(status).end('<h1>secret words of the server</h1>'))).toMatchObject(
      expected,
    );
  });

  it.each([
    ['7', 7_000],
    [' 120 ', 120_000],
    ['0', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['99999999999999999999', 86_400_000],
    ['Thu, 01 Jan 1970 00:00:09 GMT', 9_000],
    ['Wed, 31 Dec 1969 23:59:59 GMT', undefined],
    [undefined, undefined],
  ])('429 with Retry-After: %s', (header, retryAfterMs) => {
    jest.spyOn(Date, 'now').mockReturnValue(0);
    const error = rateLimited(header);
    jest.restoreAllMocks();
    expect(error.retryAfterMs).toBe(retryAfterMs);
    expect(error.headers).toEqual({ 'Retry-After': String((retryAfterMs ?? 1_000) / 1_000) });
    expect(isNotSent(error)).toBe(true);
  });

  it('does not have its page in the message', async () => {
    const { url } = await started.listen(byHand((_rpc, res) => void res.writeHead(500).end('secret words')));
    const connection = await started.connect(`${url}/mcp`);
    expect(JSON.stringify(await failure(call(connection)))).not.toContain('secret');
  });
});

describe('an answer that is nonsense', () => {
  const wrong = { code: 'MCPO_BAD_RESPONSE', status: 502, outcome: 'unknown', notSent: false, closed: false };

  it.each([
    ['no JSON', 'hello'],
    ['nothing', ''],
    ['half of it', '{"jsonrpc":"2.0","id":'],
    ['no JSON-RPC', '{"text":"hi"}'],
    ['a number', '1'],
    ['null', 'null'],
    ['neither result nor error', '{"jsonrpc":"2.0","id":ID}'],
    ['a result that is none', '{"jsonrpc":"2.0","id":ID,"result":"hi"}'],
    ['content that is none', '{"jsonrpc":"2.0","id":ID,"result":{"content":"hi"}}'],
    ['content of nothing', '{"jsonrpc":"2.0","id":ID,"result":{"content":[null]}}'],
    ['no content', '{"jsonrpc":"2.0","id":ID,"result":{}}'],
    ['an error that is none', '{"jsonrpc":"2.0","id":ID,"error":"hi"}'],
  ])('in JSON, as %s, is told as such', async (_, body) => {
    expect(
      await fault((res, id) => {
        sendJson(res, body.replace('ID', String(id)));
      }),
    ).toMatchObject(wrong);
  });

  it.each([
    ['HTML', { 'Content-Type': 'text/html' }],
    ['no type', {}],
  ])('with the type of %s is told as such', async (_, headers) => {
    expect(await fault((res, id) => res.writeHead(200, headers).end(answer(id, text('hi'))))).toMatchObject(wrong);
  });

  it.each([
    [
      'to another request in JSON',
      (res: ServerResponse, id: number): void => {
        sendJson(res, answer(id + 100, text('hi')));
      },
    ],
    ['with 202', (res: ServerResponse): unknown => res.writeHead(202).end()],
    ['garbage in an event stream', (res: ServerResponse): unknown => res.writeHead(200, STREAM).end('data: {"x"\n\n')],
  ])('%s fails the call at once, its outcome unknown', async (_, answerCall) => {
    expect(await fault(answerCall)).toMatchObject({ status: 502, outcome: 'unknown', notSent: false });
  });

  it('leaves the connection usable', async () => {
    let calls = 0;
    const { url } = await started.listen(
      byHand((rpc, res) => {
        calls += 1;
        sendJson(res, calls === 1 ? 'nonsense' : answer(rpc.id, text('well')));
      }),
    );
    const connection = await started.connect(`${url}/mcp`);
    await failure(call(connection));
    expect(await call(connection)).toEqual(text('well'));
  });

  it.each([
    ['JSON', 'application/json', '"'],
    ['an event', 'text/event-stream', 'data: "'],
  ])('without end in %s is broken off', async (_, type, start) => {
    let sent = 0;
    const flood = (res: ServerResponse): void => {
      res.writeHead(200, { 'Content-Type': type }).write(start);
      const chunk = Buffer.alloc(1_048_576, 'x');
      const more = (): void => {
        while (!res.destroyed && sent < 200) {
          sent += 1;
          if (!res.write(chunk)) return void res.once('drain', more);
        }
      };
      more();
    };
    expect(await fault(flood)).toMatchObject({ status: 502, outcome: 'unknown' });
    expect(sent).toBeLessThan(200);
  });
});

describe('a server that has gone', () => {
  it('was not sent the call, and the connection is closed', async () => {
    const { url, close } = await started.listen(byHand(() => undefined));
    const connection = await started.connect(`${url}/mcp`);
    await close();
    // What is sent before the client notices may be lost.
    await until(async () => isNotSent(await failure(call(connection))));
    await until(() => connection.closed);
  });

  it('cannot be connected to', async () => {
    const { url, close } = await started.listen(byHand(() => undefined));
    await close();
    const error = await failure(started.connect(`${url}/mcp`));
    expect([error.code, isNotSent(error)]).toEqual(['MCPO_SERVER_DOWN', true]);
  });
});
