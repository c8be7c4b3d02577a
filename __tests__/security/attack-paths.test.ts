import express from 'express';
import { ERROR_CODES } from '../../lib';
import { type Mounted, inExpress5, listen } from '../support/hosts';
import { Lab, text } from '../support/lab';
import { post } from '../support/post';
import { rawPost, sendRaw } from '../support/raw-http';
import { serving } from '../support/serve';

const serve = serving();
const guardedByPath = serving({
  ...inExpress5,
  mount(router): Promise<Mounted> {
    const app = express();
    app.use('/mcp/lab/echo', (_req, res) => {
      res.status(403).end();
    });
    app.use('/mcp', router);
    return listen(app, '/mcp');
  },
});
const lab = new Lab().tool('echo', () => text('1')).tool('ns/echo', () => text('2'));
const hidden = new Lab().tool('echo', () => text('must not be reached'));
const servers = { lab: { connect: lab.connect, tools: { exclude: ['denied'] } }, hidden: { connect: hidden.connect } };
lab.tool('denied', () => text('must not be reached'));
beforeEach(() => {
  lab.runs.clear();
  hidden.runs.clear();
});

const UNKNOWN = { tool: 'MCPO_UNKNOWN_TOOL', server: 'MCPO_UNKNOWN_SERVER' } as const;

describe('a path that plays tricks', () => {
  it.each<[string, string, keyof typeof UNKNOWN]>([
    ['dot segments to another server', '/mcp/lab/../hidden/echo', 'tool'],
    ['encoded dot segments', '/mcp/lab/%2e%2e/hidden/echo', 'tool'],
    ['half encoded dot segments', '/mcp/lab/.%2E/hidden/echo', 'tool'],
    ['dot segments encoded twice', '/mcp/lab/%252e%252e/hidden/echo', 'tool'],
    ['an encoded slash after dots', '/mcp/lab/..%2fhidden%2fecho', 'tool'],
    ['dots with a parameter', '/mcp/lab/..;/hidden/echo', 'tool'],
    ['a parameter', '/mcp/lab/echo;a=b', 'tool'],
    ['a parameter of the server', '/mcp/lab;a=b/echo', 'server'],
    ['dots as a server', '/mcp/%2e%2e/echo', 'server'],
    ['a dot as a server', '/mcp/./echo', 'server'],
    ['a NUL', '/mcp/lab/echo%00', 'tool'],
    ['a NUL before an ending', '/mcp/lab/denied%00.json', 'tool'],
    ['a NUL in the server', '/mcp/lab%00/echo', 'server'],
    ['a slash twice', '/mcp/lab//echo', 'tool'],
    ['slashes before the server', '/mcp//lab/echo', 'server'],
    ['a slash at the end', '/mcp/lab/echo/', 'tool'],
    ['an encoded slash between server and tool', '/mcp/lab%2fecho', 'server'],
    ['an encoded slash twice over', '/mcp/lab/ns%252fecho', 'tool'],
    ['a backslash', '/mcp/lab\\echo', 'server'],
    ['an encoded backslash', '/mcp/lab/..%5chidden%5cecho', 'tool'],
    ['a percent sign at the end', '/mcp/lab/echo%', 'tool'],
    ['overlong UTF-8', '/mcp/lab/%c0%ae%c0%ae/hidden/echo', 'tool'],
    ['a lone surrogate', '/mcp/lab/%ed%a0%80', 'tool'],
    ['full-width letters', '/mcp/lab/%ef%bd%85cho', 'tool'],
    ['another case', '/mcp/LAB/echo', 'server'],
    ['a space', '/mcp/lab/echo%20', 'tool'],
    ['a line', '/mcp/lab/echo%0d%0aX-Evil:%201', 'tool'],
    ['a pattern of globs', '/mcp/lab/*', 'tool'],
    ['a pattern of routes', '/mcp/:server/:tool', 'server'],
    ['10,000 segments', `/mcp/lab/${'a/'.repeat(5_000)}echo`, 'tool'],
    ['a tool that is left out', '/mcp/lab/denied', 'tool'],
    ['a tool that is left out, encoded', '/mcp/lab/%64enied', 'tool'],
  ])('names nothing: %s', async (_what, path, unknown) => {
    const { url } = await serve({ servers });
    const { status, body, lines } = await sendRaw(url, rawPost(path));
    expect([status, (JSON.parse(body) as { code: string }).code]).toEqual([404, UNKNOWN[unknown]]);
    expect(lines.join('\n')).not.toMatch(/^X-Evil/im);
    expect([lab.runs.size, hidden.runs.size]).toEqual([0, 0]);
  });

  it.each([
    ['raw bytes over 127', Buffer.from('/mcp/lab/\u00ff\u00fe\u0080', 'latin1')],
    ['a NUL as it is', Buffer.from('/mcp/lab/echo\0')],
    ['a tab', Buffer.from('/mcp/lab/ec\tho')],
    ['70,000 bytes', Buffer.from(`/mcp/lab/${'a'.repeat(70_000)}`)],
    ['no slash at its beginning', Buffer.from('mcp/lab/echo')],
    ['an authority', Buffer.from('//evil.example/mcp/lab/echo')],
    ['a fragment', Buffer.from('/mcp/lab/none#/mcp/lab/echo')],
    ['a star', Buffer.from('*')],
  ])('is refused by Node, the host or the router: %s', async (_what, target) => {
    const { url } = await serve({ servers });
    const [before = '', after = ''] = rawPost('TARGET').split('TARGET');
    const bytes = Buffer.concat([Buffer.from(before), target, Buffer.from(after)]);
    const { status, body } = await sendRaw(url, bytes);
    expect([400, 404, 431]).toContain(status);
    // What is the router's own answer is one of those that are documented.
    if (body.startsWith('{')) expect(ERROR_CODES).toContain((JSON.parse(body) as { code: string }).code);
    expect([lab.runs.size, hidden.runs.size]).toEqual([0, 0]);
    // And the next caller is served.
    expect((await post(`${url}/lab/echo`)).status).toBe(200);
  });

  it('is answered without a cookie, a stack, or a path of this machine', async () => {
    const { url } = await serve({ servers });
    const { body, lines } = await sendRaw(url, rawPost('/mcp/lab/..%2f..%2fetc%2fpasswd?secret=1'));
    expect(body).not.toMatch(/secret|node_modules|\.ts|__tests__/);
    expect(lines.join('\n')).not.toMatch(/set-cookie/i);
  });

  it('reads no file: those of the pages are a closed list', async () => {
    const { url } = await serve({ servers });
    for (const path of [
      '/docs/../package.json',
      '/docs/%2e%2e/package.json',
      '/docs/..%2fpackage.json',
      '/docs//etc/passwd',
      '/docs/swagger-ui.css%00',
    ]) {
      const { status } = await sendRaw(url, rawPost(`/mcp${path}`).replace('POST', 'GET'));
      expect([path, status]).toEqual([path, 404]);
    }
  });
});

describe('another spelling of the same tool', () => {
  it('is the same tool: its key is asked for, its schema and policy are the same', async () => {
    const { url } = await serve({ servers, apiKey: 'k' });
    for (const path of [
      '/lab/echo',
      '/lab/%65cho',
      '/%6cab/echo',
      '/lab/ns/echo',
      '/lab/ns%2Fecho',
      '/lab/%6es/%65cho',
    ]) {
      expect([path, (await post(url + path)).status]).toEqual([path, 401]);
      expect([path, (await post(url + path, { headers: { 'X-API-Key': 'k' } })).status]).toEqual([path, 200]);
    }
  });

  it('passes a guard of the host by path, as with any route of Express: guards go by what the call is, not by its URL', async () => {
    const { url } = await guardedByPath({ servers });
    expect((await fetch(`${url}/lab/echo`, { method: 'POST' })).status).toBe(403);
    expect((await fetch(`${url}/lab/%65cho`, { method: 'POST' })).status).toBe(200);
  });
});
