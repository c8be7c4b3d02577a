import type { ServerResponse } from 'node:http';
import { isNotSent } from '../../../lib/mcp/session/failures';
import { text } from '../../support/lab';
import {
  type Rpc,
  type Seen,
  Started,
  answer,
  byHand,
  call,
  failure,
  initialized,
  sendJson,
} from '../../support/mcp-http';

const started = new Started();
afterEach(() => started.end());

const SECRET = { authorization: 'Bearer secret', 'x-api-key': 'secret' };

/** An MCP server whose `/mcp` answers calls with a redirect to wherever, and which would answer there. */
async function redirecting(status: number, to: (url: string) => string): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const { url } = await started.listen(
    byHand(
      (rpc, res, req) => {
        if (req.url === '/mcp') res.writeHead(status, { Location: to(url) }).end('moved');
        else sendJson(res, answer(rpc.id, text(JSON.stringify(rpc.params?.arguments))));
      },
      { seen },
    ),
  );
  return { url, seen };
}

/** A server that must not be reached. */
async function other(): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const { url } = await started.listen((req, res) => {
    seen.push({ method: req.method ?? '', url: req.url ?? '', headers: req.headers, rpc: {} });
    res.end();
  });
  return { url, seen };
}

describe('a redirect of a call within the origin', () => {
  it.each([307, 308])('by %i is followed, with body and headers', async (status) => {
    const { url, seen } = await redirecting(status, () => '/elsewhere?a=b#c');
    const connection = await started.connect(`${url}/mcp`, 'streamable-http', SECRET);
    expect(await call(connection, { n: 1 })).toEqual(text('{"n":1}'));
    expect(seen.at(-1)).toMatchObject({ method: 'POST', url: '/elsewhere?a=b', headers: SECRET });
  });

  it.each([301, 302, 303])('by %i, which would lose its body, is refused', async (status) => {
    const { url, seen } = await redirecting(status, () => '/elsewhere');
    const connection = await started.connect(`${url}/mcp`);
    const error = await failure(call(connection));
    expect(error).toMatchObject({ code: 'MCPO_BAD_RESPONSE', status: 502 });
    expect(isNotSent(error)).toBe(false);
    expect(seen.map((each) => each.url)).not.toContain('/elsewhere');
  });

  it('that goes round in circles ends', async () => {
    const { url, seen } = await redirecting(307, () => '/mcp');
    const connection = await started.connect(`${url}/mcp`);
    const before = seen.length;
    expect(await failure(call(connection))).toMatchObject({ code: 'MCPO_BAD_RESPONSE' });
    expect(seen.length - before).toBeLessThanOrEqual(10);
  });

  it('to what is no URL is refused', async () => {
    const { url } = await redirecting(307, () => 'http://[');
    expect(await failure(call(await started.connect(`${url}/mcp`)))).toMatchObject({ status: 502 });
  });

  it('without a location is a bad answer', async () => {
    const { url } = await started.listen(byHand((_rpc, res) => void res.writeHead(307).end()));
    expect(await failure(call(await started.connect(`${url}/mcp`)))).toMatchObject({ code: 'MCPO_BAD_RESPONSE' });
  });
});

describe('a redirect to another origin', () => {
  it.each([301, 302, 303, 307, 308])('by %i is refused, and nothing gets there', async (status) => {
    const foreign = await other();
    const { url } = await redirecting(status, () => `${foreign.url}/mcp`);
    const connection = await started.connect(`${url}/mcp`, 'streamable-http', SECRET);
    expect(await failure(call(connection))).toMatchObject({ code: 'MCPO_BAD_RESPONSE', status: 502 });
    expect(foreign.seen).toEqual([]);
  });

  it.each([
    ['of another host name', (url: string): string => url.replace('127.0.0.1', 'localhost')],
    ['of another protocol', (url: string): string => url.replace('http:', 'https:')],
    ['written without a protocol', (url: string): string => url.replace('http:', '').replace('127.0.0.1', 'localhost')],
    ['that is no HTTP', (): string => 'data:application/json,{}'],
  ])('%s is refused', async (_, to) => {
    const { url, seen } = await redirecting(307, (own) => `${to(own)}/elsewhere`);
    const connection = await started.connect(`${url}/mcp`);
    expect(await failure(call(connection))).toMatchObject({ status: 502 });
    expect(seen.map((each) => each.url)).not.toContain('/elsewhere');
  });

  it('in two steps is refused at the second', async () => {
    const foreign = await other();
    const { url } = await started.listen(
      byHand((_rpc, res, req) => {
        res.writeHead(307, { Location: req.url === '/mcp' ? '/second' : `${foreign.url}/mcp` }).end();
      }),
    );
    const connection = await started.connect(`${url}/mcp`, 'streamable-http', SECRET);
    expect(await failure(call(connection))).toMatchObject({ status: 502 });
    expect(foreign.seen).toEqual([]);
  });

  it.each(['streamable-http', 'sse', 'auto'] as const)('at the handshake is refused in mode %s', async (mode) => {
    const foreign = await other();
    const { url } = await started.listen((_req, res) => res.writeHead(307, { Location: foreign.url }).end());
    const error = await failure(started.connect(`${url}/mcp`, mode, SECRET));
    expect([error.code, isNotSent(error)]).toEqual(['MCPO_SERVER_DOWN', true]);
    expect(foreign.seen).toEqual([]);
  });
});

describe('a redirect at the handshake', () => {
  it('is followed, as when a slash is missing', async () => {
    const { url } = await started.listen(
      byHand((rpc: Rpc, res: ServerResponse, req) => {
        if (req.url === '/mcp/') res.writeHead(307, { Location: '/mcp' }).end();
        else if (rpc.method === 'initialize') sendJson(res, initialized(rpc));
        else sendJson(res, answer(rpc.id, text('there')));
      }),
    );
    expect(await call(await started.connect(`${url}/mcp/`))).toEqual(text('there'));
  });
});
