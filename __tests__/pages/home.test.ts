import express from 'express';
import request from 'supertest';
import { mcpoRouter } from '../../lib';
import { inExpress4, inPlainHttp } from '../support/hosts';
import { Lab, text } from '../support/lab';
import { silent } from '../support/loggers';
import { serving } from '../support/serve';

const lab = new Lab().tool('echo', () => text('hi')).tool('ping', () => text('pong'));
const down = { connect: () => Promise.reject(new Error('secret words')) };
const servers = { lab: { connect: lab.connect }, down };
const serve = serving();
const html = { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

const links = (root: string): Record<string, string> => ({
  openapi: `${root}openapi.json`,
  docs: `${root}docs`,
  health: `${root}health`,
  dashboard: `${root}dashboard`,
  metrics: `${root}metrics`,
});

describe('the mount path', () => {
  it.each([
    ['', './mcp/'],
    ['/', './'],
    ['?x=1', './mcp/'],
  ])('with "%s" tells a program where everything is', async (end, root) => {
    const { url } = await serve({ servers, info: { title: 'Ours', version: '7' } });
    const response = await fetch(url + end);
    expect([response.status, response.headers.get('content-type'), response.headers.get('vary')]).toEqual([
      200,
      'application/json',
      'Accept',
    ]);
    const body = (await response.json()) as { links: Record<string, string>; servers: { links?: object }[] };
    expect(body).toEqual({
      title: 'Ours',
      version: '7',
      servers: [
        {
          name: 'lab',
          state: 'up',
          tools: 2,
          links: { openapi: `${root}lab/openapi.json`, docs: `${root}lab/docs` },
        },
        { name: 'down', state: 'down' },
      ],
      links: links(root),
    });
    for (const link of [...Object.values(body.links), ...Object.values(body.servers[0]?.links ?? {})]) {
      expect([link, (await fetch(new URL(link as string, response.url))).status]).toEqual([link, 200]);
    }
  });

  it.each(['', '/'])('with "%s" shows a browser a page whose links work', async (end) => {
    const { url } = await serve({ servers: { ...servers, '<b>&"': servers.lab }, info: { title: '<i>' } });
    const response = await fetch(url + end, { headers: html });
    expect([response.status, response.headers.get('content-type'), response.headers.get('vary')]).toEqual([
      200,
      'text/html; charset=utf-8',
      'Accept',
    ]);
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    const page = await response.text();
    expect(page).not.toMatch(/<b>|<i>|secret words|<script/);
    const hrefs = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link ?? '');
    expect(hrefs).toHaveLength(4 + 5 + 4);
    for (const href of hrefs) expect([href, (await fetch(new URL(href, response.url))).status]).toEqual([href, 200]);
  });

  it('answers HEAD, and no other method', async () => {
    const { url } = await serve({ servers });
    const head = await fetch(url, { method: 'HEAD' });
    expect([head.status, Number(head.headers.get('content-length')) > 100, await head.text()]).toEqual([200, true, '']);
    const post = await fetch(url, { method: 'POST' });
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  describe.each([inExpress4, inPlainHttp])('in $name', (host) => {
    const serveThere = serving(host);

    it('is there too', async () => {
      const { url } = await serveThere({ servers });
      const response = await fetch(url);
      const { links } = (await response.json()) as { links: { docs: string } };
      expect((await fetch(new URL(links.docs, response.url))).status).toBe(200);
    });
  });

  it.each(['/:group/mcp', '/'])('at %s is found by relative links', async (mount) => {
    const mcpo = mcpoRouter({ servers, logger: silent });
    await mcpo.ready();
    const app = express().use(mount, mcpo);
    const at = mount.replace(':group', 'a:b');
    const { body } = (await request(app).get(at)) as { body: { links: { health: string } } };
    const { pathname } = new URL(body.links.health, `http://localhost${at}`);
    expect((await request(app).get(pathname)).body).toMatchObject({ servers: { lab: { state: 'up' } } });
    await mcpo.close();
  });
});

describe('with an API key', () => {
  it('a program without it gets 401, a browser the page that asks for it, and whoever has it the index', async () => {
    const { url } = await serve({ servers, apiKey: 'secret', info: { title: 'Confidential' } });
    const refused = await fetch(url);
    expect([refused.status, await refused.json()]).toMatchObject([401, { code: 'MCPO_UNAUTHORIZED' }]);
    const asked = await fetch(url, { headers: html });
    const page = await asked.text();
    expect([asked.status, page]).toEqual([401, expect.stringContaining('src="./mcp/dashboard/sign-in.js"')]);
    expect(page).not.toMatch(/Confidential|"lab"/);
    const headers = { Authorization: 'Bearer secret' };
    expect(await (await fetch(url, { headers })).json()).toMatchObject({ title: 'Confidential' });
    expect(await (await fetch(url, { headers: { ...html, ...headers } })).text()).toContain('Confidential');
  });
});

describe("a route of the host's own", () => {
  it.each([
    ['that answers is what is answered', false, "the host's"],
    ['that passes the request on changes nothing', true, undefined],
  ])('%s', async (_what, passesOn, answer) => {
    const mcpo = mcpoRouter({ servers, logger: silent });
    await mcpo.ready();
    const app = express();
    app.get('/mcp', (_req, res, next) => {
      if (passesOn) next();
      else res.send("the host's");
    });
    app.use('/mcp', mcpo);
    const response = await request(app).get('/mcp');
    if (answer === undefined) expect(response.body).toMatchObject({ links: links('./mcp/') });
    else expect(response.text).toBe(answer);
    await mcpo.close();
  });
});
