import { type McpoOptions } from '../../lib';
import { until } from '../support/deferred';
import { Lab, text } from '../support/lab';
import { Started, byHand, sendJson } from '../support/mcp-http';
import { PinoLike } from '../support/pino-like';
import { post } from '../support/post';
import { serving } from '../support/serve';
import { scripted } from '../support/stdio';

const serve = serving();
const started = new Started();
afterEach(() => started.end());

/** A forged entry: ends the line, moves the terminal's cursor, and turns the reading direction. */
const FORGED = 'x\r\n2026-01-01 ERROR forged\u001b[2J\u0085\u2028\u202eend\u007f';
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

async function logged(options: McpoOptions): Promise<{ readonly log: PinoLike; readonly url: string }> {
  const log = new PinoLike();
  const { url } = await serve({ ...options, logger: log });
  return { log, url };
}

describe('S11: logs', () => {
  it('hold no argument, result, header or key, at any level and however the call ends', async () => {
    const lab = new Lab()
      .tool('good', () => text('result-secret'), { annotations: { readOnlyHint: true } })
      .tool('bad', () => ({ isError: true, content: [{ type: 'text', text: 'error-secret' }] }))
      .tool('strict', () => text('x'), { inputSchema: { type: 'object', additionalProperties: false } });
    const server = { connect: lab.connect, forwardHeaders: ['X-Tenant'] };
    const { log, url } = await logged({ servers: { lab: server }, apiKey: 'key-secret' });
    const headers = { 'X-API-Key': 'key-secret', 'X-Tenant': 'tenant-secret', Cookie: 'cookie-secret' };
    for (const tool of ['good', 'good', 'bad', 'strict', 'none']) {
      await post(`${url}/lab/${tool}?q=query-secret`, { args: { a: 'argument-secret' }, headers });
    }
    await post(`${url}/lab/good`, { headers: { 'X-API-Key': 'guessed-secret' } });
    await until(() => log.requests.length === 6);
    expect(log.text()).not.toContain('-secret');
  });

  it('say of a request who asked for it only by the id that the answer has too', async () => {
    const lab = new Lab().tool('good', () => text('1'));
    const { log, url } = await logged({ servers: { lab: { connect: lab.connect } } });
    const { header } = await post(`${url}/lab/good`, { headers: { 'X-Request-Id': 'from-the-caller' } });
    expect(header('x-request-id')).toBe('from-the-caller');
    expect(log.requests).toEqual([expect.objectContaining({ requestId: 'from-the-caller', outcome: 'success' })]);
  });

  it('cannot be forged by the name of a tool', async () => {
    const lab = new Lab()
      .tool(FORGED, () => text('1'), { inputSchema: { type: 'object', $ref: '#/nowhere' } })
      .tool(`${FORGED}2`, () => text('1'), { inputSchema: 'none' as never });
    const monitor = { windowSize: 1, alerts: { slowSeconds: 1e-9 } };
    const { log, url } = await logged({ servers: { lab: { connect: lab.connect } }, monitor });
    for (const name of [FORGED, `${FORGED}2`]) await post(`${url}/lab/${encodeURIComponent(name)}`, { args: { a: 1 } });
    await until(() => log.entries('warn').some(({ message }) => message.includes('is above')));
    expect(log.entries('warn').filter(({ message }) => message.includes('forged')).length).toBeGreaterThanOrEqual(2);
    expect(log.entries().filter(({ message }) => CONTROL.test(message))).toEqual([]);
  });

  it('cannot be forged by what a server answers to the handshake, over HTTP', async () => {
    const bad = await started.listen((_req, res) => res.writeHead(500).end(FORGED + 'y'.repeat(1_000_000)));
    const refusing = await started.listen(async (req, res) => {
      const chunks = await req.toArray();
      const { id } = JSON.parse(Buffer.concat(chunks as Buffer[]).toString()) as { id: number };
      sendJson(res, JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32_000, message: FORGED } }));
    });
    const type = 'streamable-http' as const;
    const servers = { bad: { type, url: bad.url }, refusing: { type, url: refusing.url } };
    const { log } = await logged({ servers });
    const warnings = log.entries('warn').map(({ message }) => message);
    for (const name of Object.keys(servers)) {
      expect(warnings).toContainEqual(expect.stringMatching(new RegExp(`^mcpo: server ${name}: .*forged`)));
    }
    expect(log.entries().filter(({ message }) => CONTROL.test(message))).toEqual([]);
    for (const each of warnings) expect(each.length).toBeLessThan(20_000);
  });

  it('cannot be forged by what a child process prints', async () => {
    const { command, args } = scripted(['dies', FORGED]);
    const { log } = await logged({ servers: { child: { command, args } } });
    await until(() => log.entries('warn').length > 0);
    expect(log.entries().some(({ message }) => message.includes('forged'))).toBe(true);
    expect(log.entries().filter(({ message }) => CONTROL.test(message))).toEqual([]);
  });
});

describe('S11: errors', () => {
  it('carry the id of the request, and of what the server said only a bounded text', async () => {
    const long = 'w'.repeat(100_000);
    const { url: upstream } = await started.listen(
      byHand((rpc, res) => {
        if (rpc.method === 'tools/list') {
          sendJson(
            res,
            JSON.stringify({ jsonrpc: '2.0', id: rpc.id, result: { tools: [{ name: 'a', inputSchema: {} }] } }),
          );
        } else {
          const error = { code: -32_000, message: long, data: { stack: 'at secret (/srv/secret.js:1)' } };
          sendJson(res, JSON.stringify({ jsonrpc: '2.0', id: rpc.id, error }));
        }
      }),
    );
    const { url } = await serve({ servers: { web: { type: 'streamable-http', url: `${upstream}/mcp` } } });
    const { status, body, header } = await post(`${url}/web/a`);
    expect(status).toBe(500);
    expect(body).toMatchObject({ code: 'MCPO_SERVER_ERROR', requestId: header('x-request-id') });
    const told = JSON.stringify(body);
    expect(told.length).toBeLessThan(3_000);
    expect(told).not.toMatch(/secret|stack/);
  });

  it("say nothing of a failure in the host's own callbacks", async () => {
    const lab = new Lab().tool('good', () => text('1'));
    const principal = (): never => {
      throw new Error('database at 10.0.0.7 says no');
    };
    const { url } = await serve({ servers: { lab: { connect: lab.connect } }, principal });
    const { status, body } = await post(`${url}/lab/good`);
    expect([status, (body as { code: string }).code]).toEqual([500, 'MCPO_INTERNAL']);
    expect(JSON.stringify(body)).not.toMatch(/10\.0\.0\.7|database|node_modules|\.ts/);
  });
});

describe('S11: why a server is down', () => {
  const pages = ['/health', '/metrics?format=json', '/dashboard/events', '/'];
  /** The beginning of each page. */
  async function shown(url: string, headers: Record<string, string> = {}): Promise<string> {
    const texts = pages.map(async (page) => {
      const response = await fetch(url + page, { headers });
      const reader = response.body?.getReader();
      const { value } = (await reader?.read()) ?? {};
      await reader?.cancel();
      return Buffer.from((value as Uint8Array | undefined) ?? []).toString();
    });
    return (await Promise.all(texts)).join('\n');
  }
  const servers = async (): Promise<McpoOptions['servers']> => {
    const { url } = await started.listen((_req, res) => res.writeHead(500).end('words-of-http'));
    const { command, args } = scripted(['dies', 'words-of-child\n']);
    return {
      http: { url: `${url.replace('://', '://user:userinfo-secret@')}/mcp?token=query-secret` },
      custom: { connect: () => Promise.reject(new Error('words-of-custom')) },
      child: { command, args },
      command: { command: '/nowhere/command' },
    };
  };

  it('is not on pages that are open to all, but in stats', async () => {
    const { url, mcpo } = await serve({ servers: await servers() });
    const text = await shown(url);
    expect(text).toContain('the log says why');
    expect(text).not.toMatch(/words-of|-secret|127\.0\.0\.1|nowhere/);
    const stats = JSON.stringify(mcpo.stats.servers);
    expect(stats).toMatch(/words-of-custom/);
    expect(stats).toMatch(/127\.0\.0\.1:\d+\/mcp/);
    expect(stats).not.toMatch(/-secret/);
  });

  it('is on pages for those who have the key, without user info and query of an address', async () => {
    const { url } = await serve({ servers: await servers(), apiKey: 'k' });
    const text = await shown(url, { 'X-API-Key': 'k' });
    expect(text).toMatch(/words-of-custom/);
    expect(text).toMatch(/the command \/nowhere\/command does not exist/);
    expect(text).not.toMatch(/-secret|the log says why/);
    expect(await shown(url)).not.toMatch(/words-of|-secret|nowhere|the log says why/);
  });
});
