import express from 'express';
import { McpError } from '@modelcontextprotocol/sdk/types.js';
import type { McpoRouter } from '../../lib';
import { headerServer } from '../support/header-server';
import { type Mounted, inExpress5, listen } from '../support/hosts';
import { Lab, text } from '../support/lab';
import { Started, answer, byHand, initialized, sendJson } from '../support/mcp-http';
import { post } from '../support/post';
import { type RawResponse, rawPost, sendRaw } from '../support/raw-http';
import { serving } from '../support/serve';

const started = new Started();
afterEach(() => started.end());

/** What would end a header and begin another one, and then a body, if it were written as it is. */
const SPLIT = 'a\r\nX-Evil: 1\r\n\r\n<script>alert(1)</script>';

const namesOf = ({ lines }: RawResponse): readonly string[] =>
  lines
    .slice(1)
    .map((line) => line.split(':', 1)[0]?.toLowerCase() ?? '')
    .sort();

const EXPECTED =
  /^(?:allow|cache-control|cache-status|connection|content-length|content-type|date|retry-after|x-powered-by|x-request-id)$/;

describe('the headers of an answer', () => {
  const serve = serving();
  const lab = new Lab()
    .tool(`name ${SPLIT}`, () => text('1'), { annotations: { readOnlyHint: true } })
    .tool('fails', () => ({ isError: true, content: [{ type: 'text', text: SPLIT }] }))
    .tool('refuses', () => {
      throw new McpError(-32_602, SPLIT);
    })
    .tool('picture', () => ({ content: [{ type: 'image', data: 'aGk=', mimeType: `image/${SPLIT}` }] }))
    .tool('strict', () => text('1'), { inputSchema: { type: 'object', required: [SPLIT] } });

  it.each([
    ['the name of a tool', `name ${SPLIT}`, 200],
    ['the error of a tool', 'fails', 500],
    ['the error of a server', 'refuses', 422],
    ['a media type', 'picture', 200],
    ['a schema', 'strict', 422],
    ['a tool that there is not', SPLIT, 404],
  ])('hold nothing of %s', async (_what, tool, status) => {
    const { url } = await serve({ servers: { lab: { connect: lab.connect } } });
    const response = await sendRaw(url, rawPost(`/mcp/lab/${encodeURIComponent(tool)}`));
    expect(response.status).toBe(status);
    expect(namesOf(response).filter((name) => !EXPECTED.test(name))).toEqual([]);
    expect(response.lines.join('\n')).not.toMatch(/evil|script/i);
    // A browser that is led to take it for a page finds that it is none.
    expect(response.lines).toContainEqual(expect.stringMatching(/^Content-Type: application\/(?:problem\+)?json$/));
    expect(() => JSON.parse(response.body) as unknown).not.toThrow();
  });

  it('hold nothing of those that the MCP server sends', async () => {
    const evil = { 'Set-Cookie': 'a=b', 'X-Evil': '1', 'Access-Control-Allow-Origin': '*', Location: '//evil.example' };
    const { url: upstream } = await started.listen(
      byHand((rpc, res) => {
        const result = rpc.method === 'tools/list' ? { tools: [{ name: 'a', inputSchema: {} }] } : text('1');
        sendJson(res, answer(rpc.id, result), evil);
      }),
    );
    const { url } = await serve({ servers: { web: { type: 'streamable-http', url: `${upstream}/mcp` } } });
    const response = await sendRaw(url, rawPost('/mcp/web/a'));
    expect(response.status).toBe(200);
    expect(namesOf(response).filter((name) => !EXPECTED.test(name))).toEqual([]);
  });

  it.each([
    ['a space', 'a b'],
    ['a quote', 'a"b'],
    ['a bracket', '<script>'],
    ['no ASCII', 'a\u00e9'],
    ['a tab', 'a\tb'],
    ['129 characters', 'a'.repeat(129)],
    ['nothing', ''],
    ['a folded line', 'a\r\n X-Evil: 1'],
    ['a second header', 'one\r\nX-Request-Id: two'],
  ])('hold no request id of the caller with %s', async (_what, id) => {
    const { url } = await serve({ servers: { lab: { connect: lab.connect } } });
    const response = await sendRaw(url, rawPost('/mcp/lab/fails', [`X-Request-Id: ${id}`]));
    expect([400, 500]).toContain(response.status);
    if (response.status === 500) {
      expect(response.lines).toContainEqual(expect.stringMatching(/^X-Request-Id: [0-9a-f-]{36}$/));
    }
    expect(response.lines.join('\n')).not.toMatch(/evil|script/i);
  });
});

describe('a forwarded header', () => {
  /** What the host does to a request before the router sees it. */
  let meddle: (headers: Record<string, unknown>) => void = () => undefined;
  const serve = serving({
    ...inExpress5,
    mount(router: McpoRouter): Promise<Mounted> {
      const app = express();
      app.use((req, _res, next) => {
        meddle(req.headers);
        next();
      });
      app.use('/mcp', router);
      return listen(app, '/mcp');
    },
  });
  let upstream: Mounted;
  beforeEach(async () => (upstream = await headerServer()));
  afterEach(async () => {
    meddle = () => undefined;
    await upstream.close();
  });

  const start = async (): Promise<string> => {
    const web = { type: 'streamable-http' as const, url: `${upstream.url}/mcp`, forwardHeaders: ['X-Tenant'] };
    return (await serve({ servers: { web } })).url;
  };

  it.each([
    ['CR and LF', 'a\r\nX-Evil: 1'],
    ['LF alone', 'a\nX-Evil: 1'],
    ['CR alone', 'a\rX-Evil: 1'],
    ['a folded line', 'a\r\n X-Evil: 1'],
    ['NUL', 'a\0X-Evil: 1'],
    ['DEL', 'a\u007f'],
  ])('smuggles nothing to the server by %s', async (_what, value) => {
    const { status, body } = await sendRaw(await start(), rawPost('/mcp/web/headers', [`X-Tenant: ${value}`]));
    expect([200, 400]).toContain(status);
    if (status === 200) expect(Object.keys(JSON.parse(body) as object)).not.toContain('x-evil');
  });

  it.each([
    ['CR and LF', 'a\r\nX-Evil: 1'],
    ['LF alone', 'a\nb'],
    ['NUL', 'a\0b'],
    ['DEL', 'a\u007fb'],
    ['what no header can hold', 'a\u0100b'],
    ['more than 4 KiB', 'a'.repeat(4_097)],
  ])('that the host has put there is refused with %s', async (_what, value) => {
    const url = await start();
    meddle = (headers) => (headers['x-tenant'] = value);
    const { status, body } = await post(`${url}/web/headers`);
    expect([status, (body as { code: string }).code]).toEqual([400, 'MCPO_INVALID_HEADER']);
    expect(JSON.stringify(body)).not.toContain('Evil');
    meddle = () => undefined;
    expect((await post(`${url}/web/headers`, { headers: { 'X-Tenant': 'a'.repeat(4_096) } })).status).toBe(200);
  });
});

describe('a session id of the MCP server', () => {
  const serve = serving();

  it('with what no header may hold ends in a plain error', async () => {
    const { url: upstream } = await started.listen((_req, res) => {
      // Node would not write it: the bytes are sent past it.
      const body = initialized({ id: 0 });
      const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nMcp-Session-Id: a\u0001b\r\nContent-Length: ${body.length}\r\n`;
      res.socket?.end(`${head}\r\n${body}`, 'latin1');
    });
    const { url } = await serve({ servers: { web: { type: 'streamable-http', url: `${upstream}/mcp` } } });
    const { status, body } = await post(`${url}/web/a`);
    expect([status, (body as { code: string }).code]).toEqual([503, 'MCPO_SERVER_DOWN']);
  });
});
