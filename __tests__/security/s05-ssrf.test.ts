import { mcpoRouter } from '../../lib';
import { silent } from '../support/loggers';
import { type Seen, Started, answer, byHand, sendJson } from '../support/mcp-http';
import { text } from '../support/lab';
import { post } from '../support/post';
import { serving } from '../support/serve';

const serve = serving();
const started = new Started();
afterEach(() => started.end());

/** A server that must not be reached, and what has reached it. */
async function victim(): Promise<{ readonly url: string; readonly seen: readonly string[] }> {
  const seen: string[] = [];
  const { url } = await started.listen((req, res) => {
    seen.push(`${req.method ?? ''} ${req.url ?? ''}`);
    res.end('{}');
  });
  return { url, seen };
}

describe('S5: where requests go', () => {
  it('is said by the options alone: nothing in a request leads elsewhere', async () => {
    const { url: elsewhere, seen: reached } = await victim();
    const seen: Seen[] = [];
    const { url: upstream } = await started.listen(
      byHand(
        (rpc, res) => {
          const tools = [{ name: 'fetch', inputSchema: { type: 'object' } }];
          sendJson(res, answer(rpc.id, rpc.method === 'tools/list' ? { tools } : text('1')));
        },
        { seen },
      ),
    );
    const web = { type: 'streamable-http' as const, url: `${upstream}/mcp` };
    const { url } = await serve({ servers: { web } });
    const headers = { Referer: elsewhere, 'X-Forwarded-Host': new URL(elsewhere).host, 'Mcp-Session-Id': elsewhere };
    const args = { url: elsewhere, $ref: elsewhere, _meta: { url: elsewhere } };
    expect((await post(`${url}/web/fetch?url=${elsewhere}`, { args, headers })).status).toBe(200);
    expect((await post(`${url}/${encodeURIComponent(elsewhere)}/fetch`, { args, headers })).status).toBe(404);
    expect(reached).toEqual([]);
    expect(new Set(seen.map((each) => each.url))).toEqual(new Set(['/mcp']));
    expect(seen.some((each) => each.headers['mcp-session-id'] !== undefined)).toBe(false);
  });

  it('leaves no origin by a redirect, with or without credentials', async () => {
    const { url: elsewhere, seen } = await victim();
    const { url: upstream } = await started.listen(
      byHand((rpc, res) => {
        if (rpc.method === 'tools/list') sendJson(res, answer(rpc.id, { tools: [{ name: 'a', inputSchema: {} }] }));
        else res.writeHead(307, { Location: `${elsewhere}/latest/meta-data` }).end();
      }),
    );
    const web = {
      type: 'streamable-http' as const,
      url: `${upstream}/mcp`,
      headers: { Authorization: 'Bearer secret' },
    };
    const { url } = await serve({ servers: { web, moved: { ...web, url: `${upstream}/elsewhere` } } });
    expect((await post(`${url}/web/a`)).status).toBe(502);
    expect((await post(`${url}/moved/a`)).status).toBe(503);
    expect(seen).toEqual([]);
  });

  it('leaves no origin by the endpoint that an SSE server names', async () => {
    const { url: elsewhere, seen } = await victim();
    const { url: upstream } = await started.listen((_req, res) => {
      res
        .writeHead(200, { 'Content-Type': 'text/event-stream' })
        .write(`event: endpoint\ndata: ${elsewhere}/steal\n\n`);
    });
    const web = { type: 'sse' as const, url: upstream, headers: { Authorization: 'Bearer secret' } };
    const { url } = await serve({ servers: { web }, pool: { connectTimeoutMs: 2_000 } });
    expect((await post(`${url}/web/a`)).status).toBe(503);
    expect(seen).toEqual([]);
  });

  it.each([
    'file:///etc/passwd',
    'ftp://example.com/',
    'gopher://127.0.0.1',
    'data:,x',
    'javascript:1',
    'unix:/tmp/a',
    '//a',
  ])('is HTTP: %s is refused when the router is made', (url) => {
    expect(() => mcpoRouter({ servers: { web: { url } }, logger: silent })).toThrow('must be an http: or https: URL');
  });
});
