import type { IncomingMessage, ServerResponse } from 'node:http';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { isNotSent } from '../../../lib/mcp/session/failures';
import { deferred, until } from '../../support/deferred';
import { text } from '../../support/lab';
import { Started, call, failure, makeServer, streamable } from '../../support/mcp-http';

const started = new Started();
afterEach(() => started.end());

type Run = Parameters<typeof makeServer>[0];
type Listener = (req: IncomingMessage, res: ServerResponse) => unknown;

/** A real server of the old kind at `/sse`, whose event streams are kept. */
function oldServer(run?: Run): { readonly listener: Listener; readonly streams: Map<string, ServerResponse> } {
  const transports = new Map<string, SSEServerTransport>();
  const streams = new Map<string, ServerResponse>();
  return {
    streams,
    async listener(req, res) {
      const { pathname, searchParams } = new URL(req.url ?? '', 'http://localhost');
      const transport = transports.get(searchParams.get('sessionId') ?? '');
      if (pathname === '/messages') await transport?.handlePostMessage(req, res);
      else if (req.method !== 'GET') res.writeHead(405).end();
      else {
        const made = new SSEServerTransport('/messages', res);
        transports.set(made.sessionId, made);
        streams.set(made.sessionId, res);
        res.on('close', () => streams.delete(made.sessionId));
        await makeServer(run).connect(made);
      }
    },
  };
}

describe('a server of the old kind', () => {
  it.each(['sse', 'auto'] as const)('is called in mode %s, many times at once', async (mode) => {
    const { url } = await started.listen(oldServer().listener);
    const connection = await started.connect(`${url}/sse`, mode);
    expect((await connection.listTools())?.map(({ name }) => name)).toEqual(['echo']);
    const calls = Array.from({ length: 50 }, (_item, n) => ({ n, text: 'grüße 🎈' }));
    expect(await Promise.all(calls.map((args) => call(connection, args)))).toEqual(
      calls.map((args) => text(JSON.stringify(args))),
    );
  });

  it.each([404, 405, 400])('is found in mode auto by the %i that it answers to a POST', async (status) => {
    const old = oldServer();
    const { url } = await started.listen((req, res) =>
      req.method === 'POST' && req.url === '/sse' ? res.writeHead(status).end() : old.listener(req, res),
    );
    expect(await call(await started.connect(`${url}/sse`, 'auto'))).toEqual(text('{}'));
  });

  it.each([401, 403, 500, 503])('is not looked for after a %i', async (status) => {
    const methods: (string | undefined)[] = [];
    const { url } = await started.listen((req, res) => {
      methods.push(req.method);
      res.writeHead(status).end();
    });
    const error = await failure(started.connect(`${url}/sse`, 'auto'));
    expect([error.code, isNotSent(error), methods]).toEqual(['MCPO_SERVER_DOWN', true, ['POST']]);
  });

  it('is not needed where a new one answers in mode auto', async () => {
    const methods: (string | undefined)[] = [];
    const serve = streamable({ json: true, stateful: false });
    const { url } = await started.listen((req, res) => {
      methods.push(req.method);
      return serve(req, res);
    });
    expect(await call(await started.connect(url, 'auto'))).toEqual(text('{}'));
    expect(methods[0]).toBe('POST');
  });

  it('gets the headers of the connection with each request', async () => {
    const old = oldServer();
    const seen: (string | undefined)[] = [];
    const { url } = await started.listen((req, res) => {
      seen.push(req.headers.authorization);
      return old.listener(req, res);
    });
    await call(await started.connect(`${url}/sse`, 'sse', { Authorization: 'Bearer secret' }));
    expect(seen.length).toBeGreaterThan(3);
    expect(new Set(seen)).toEqual(new Set(['Bearer secret']));
  });
});

describe('an event stream that is cut', () => {
  it.each([
    ['ended', (res: ServerResponse): unknown => res.end()],
    ['destroyed', (res: ServerResponse): unknown => res.destroy()],
  ])('by being %s closes the connection, and calls under way fail', async (_, cut) => {
    const running = deferred();
    const old = oldServer(() => {
      running.resolve();
      return new Promise(() => undefined);
    });
    let streams = 0;
    const { url } = await started.listen((req, res) => {
      if (req.method === 'GET') streams += 1;
      return old.listener(req, res);
    });
    const connection = await started.connect(`${url}/sse`, 'sse');
    const closed = deferred();
    connection.onClose(closed.resolve);
    const lost = failure(call(connection));
    await running.promise;
    for (const stream of old.streams.values()) cut(stream);
    expect(await lost).toMatchObject({ code: 'MCPO_CONNECTION_LOST', outcome: 'unknown' });
    await closed.promise;
    expect([connection.closed, streams]).toEqual([true, 1]);
    expect(isNotSent(await failure(call(connection)))).toBe(true);
  });
});

describe('closing', () => {
  it('leaves no socket, and calls under way fail', async () => {
    const running = deferred();
    const old = oldServer(() => {
      running.resolve();
      return new Promise(() => undefined);
    });
    const { url, server } = await started.listen(old.listener);
    const connection = await started.connect(`${url}/sse`, 'sse');
    const lost = failure(call(connection));
    await running.promise;
    await connection.close();
    expect(await lost).toMatchObject({ code: 'MCPO_CONNECTION_LOST', outcome: 'unknown' });
    await until(() => old.streams.size === 0);
    await until(async () => {
      // Those kept alive for a next request to this origin are not the connection's.
      server.closeIdleConnections();
      return (
        (await new Promise((resolve) =>
          server.getConnections((_error, count) => {
            resolve(count);
          }),
        )) === 0
      );
    });
  });
});

describe('a POST that is not taken', () => {
  it.each([
    // A new session is refused as well.
    [404, { code: 'MCPO_BAD_RESPONSE', outcome: 'unknown' }, false, false],
    [400, { code: 'MCPO_BAD_RESPONSE', outcome: 'unknown' }, false, false],
    [429, { code: 'MCPO_UPSTREAM_RATE_LIMITED', outcome: undefined }, true, false],
    [503, { code: 'MCPO_CONNECTION_LOST', outcome: 'unknown' }, false, false],
    [401, { code: 'MCPO_BAD_RESPONSE' }, false, false],
    [403, { code: 'MCPO_BAD_RESPONSE' }, false, false],
    [500, { code: 'MCPO_BAD_RESPONSE', outcome: 'unknown' }, false, false],
  ])('with %i means the same as over streamable HTTP', async (status, expected, notSent, closed) => {
    const old = oldServer();
    let refuse = false;
    const { url } = await started.listen((req, res) =>
      refuse && req.method === 'POST' ? res.writeHead(status).end('secret words') : old.listener(req, res),
    );
    const connection = await started.connect(`${url}/sse`, 'sse');
    refuse = true;
    const error = await failure(call(connection));
    expect(error).toMatchObject(expected);
    expect(isNotSent(error)).toBe(notSent);
    await new Promise(setImmediate);
    expect(connection.closed).toBe(closed);
    expect(JSON.stringify(error)).not.toContain('secret');
  });
});

describe('a session that the server has forgotten', () => {
  it.each([404, 400])('is told by %i to it alone: nothing was sent', async (status) => {
    const old = oldServer();
    const forgotten = new Set<string | undefined>();
    let last: string | undefined;
    const { url } = await started.listen((req, res) => {
      if (req.method !== 'POST') return old.listener(req, res);
      if (forgotten.has(req.url)) return res.writeHead(status).end();
      last = req.url;
      return old.listener(req, res);
    });
    const connection = await started.connect(`${url}/sse`, 'sse');
    forgotten.add(last);
    const error = await failure(call(connection));
    expect([error.code, error.outcome, isNotSent(error)]).toEqual(['MCPO_SERVER_DOWN', undefined, true]);
    expect(connection.closed).toBe(true);
  });
});

describe('a handshake that fails', () => {
  it.each([
    ['names a foreign endpoint', 'event: endpoint\ndata: http://192.0.2.1/messages\n\n'],
    ['ends at once', ''],
    ['never names its endpoint', ': hello\n\n'],
  ])('where the stream %s leaves no socket', async (_, events) => {
    let open = 0;
    const { url } = await started.listen((_req, res) => {
      open += 1;
      res.on('close', () => (open -= 1));
      res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(events || ': \n\n');
      if (events === '') res.end();
    });
    const error = await failure(started.connect(url, 'sse', {}, 500));
    expect([error.code, isNotSent(error)]).toEqual(['MCPO_SERVER_DOWN', true]);
    await until(() => open === 0);
  });
});
