import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { inExpress4, inPlainHttp } from '../support/hosts';
import { Lab, text } from '../support/lab';
import { serving } from '../support/serve';

const root = path.join(__dirname, '../..');
const lab = new Lab().tool('echo', () => text('hi'));
const servers = { lab: { connect: lab.connect } };
const serve = serving();
const html = { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

describe('the page', () => {
  it.each(['/dashboard', '/dashboard/', '/dashboard?x=//example.com'])(
    'at %s has headers that allow nothing from elsewhere, and its files are there',
    async (at) => {
      const { url } = await serve({ servers });
      const response = await fetch(url + at);
      expect(response.status).toBe(200);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy':
          "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-cache',
      });
      const page = await response.text();
      expect(page).not.toMatch(/\{\{|<style|style=|<script>|onclick/);
      const links = [...page.matchAll(/(?:src|href)="([^#"]+)"/g)].map(([, link]) => link ?? '');
      expect(links).toHaveLength(7);
      for (const link of links) {
        const file = await fetch(new URL(link, response.url));
        expect([link, file.status]).toEqual([link, 200]);
        expect(file.headers.get('x-content-type-options')).toBe('nosniff');
      }
    },
  );

  describe.each([inExpress4, inPlainHttp])('in $name', (host) => {
    const serveThere = serving(host);

    it('is served too, with its files', async () => {
      const { url } = await serveThere({ servers });
      const response = await fetch(`${url}/dashboard`);
      expect([response.status, await response.text()]).toEqual([200, expect.stringContaining('dashboard/main.js')]);
      expect((await fetch(`${url}/dashboard/main.js`)).headers.get('content-type')).toContain('text/javascript');
    });
  });

  it('answers HEAD, and no other method', async () => {
    const { url } = await serve({ servers });
    const head = await fetch(`${url}/dashboard`, { method: 'HEAD' });
    expect([head.status, Number(head.headers.get('content-length')) > 1_000]).toEqual([200, true]);
    expect((await fetch(`${url}/dashboard`, { method: 'POST' })).status).toBe(405);
  });

  it('leaves the routes of a server of its name alone', async () => {
    const { url } = await serve({ servers: { dashboard: servers.lab } });
    const answer = await fetch(`${url}/dashboard/echo`, { method: 'POST' });
    expect([answer.status, await answer.json()]).toEqual([200, 'hi']);
    expect((await fetch(`${url}/dashboard/openapi.json`)).headers.get('content-type')).toContain('json');
    expect(await (await fetch(`${url}/dashboard/docs`)).text()).toContain('swagger-ui');
  });
});

describe('the files', () => {
  it('are the sources, and all of them: else run npm run prepare', async () => {
    const { url } = await serve({ servers });
    for (const name of await readdir(path.join(root, 'dashboard'))) {
      if (name.endsWith('.html')) continue;
      const served = await (await fetch(`${url}/dashboard/${name}`)).text();
      expect([name, served]).toEqual([name, await readFile(path.join(root, 'dashboard', name), 'utf8')]);
    }
  });

  it('are not sent again to a client that has them', async () => {
    const { url } = await serve({ servers });
    const etag = (await fetch(`${url}/dashboard/uPlot.iife.min.js`)).headers.get('etag') ?? '';
    const again = await fetch(`${url}/dashboard/uPlot.iife.min.js`, { headers: { 'If-None-Match': etag } });
    expect([again.status, await again.text()]).toEqual([304, '']);
  });

  it.each(['index.html', 'sign-in.html', 'LICENSE', '..%2fuplot%2fLICENSE', 'constructor', 'main.ts'])(
    'hold no %s',
    async (name) => {
      const { url } = await serve({ servers });
      const response = await fetch(`${url}/dashboard/${name}`);
      expect(response.status).toBe(404);
    },
  );
});

describe('with an API key', () => {
  const secured = { servers, apiKey: 'secret', info: { title: 'Confidential' } };

  it('the page is for those who have it', async () => {
    const { url } = await serve(secured);
    for (const headers of [{ Authorization: 'Bearer secret' }, { 'X-API-Key': 'secret' }]) {
      const response = await fetch(`${url}/dashboard`, { headers: { ...html, ...headers } });
      const page = await response.text();
      expect([response.status, page]).toEqual([200, expect.stringContaining('id="overview"')]);
    }
  });

  it.each([undefined, 'Bearer wrong'])('a program with %s gets 401 as everywhere', async (authorization) => {
    const { url } = await serve(secured);
    const response = await fetch(`${url}/dashboard`, { headers: authorization ? { authorization } : {} });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer /);
    expect(await response.json()).toMatchObject({ code: 'MCPO_UNAUTHORIZED' });
  });

  it('a browser without it gets 401 and a page that asks for it and tells nothing', async () => {
    const { url } = await serve(secured);
    const response = await fetch(`${url}/dashboard`, { headers: html });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer /);
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    const page = await response.text();
    expect(page).toContain('API key');
    expect(page).not.toMatch(/Confidential|overview/);
    expect((await fetch(`${url}/dashboard/main.js`)).status).toBe(200);
    expect((await fetch(`${url}/dashboard/events`, { headers: html })).status).toBe(401);
  });

  it("the host's own check counts as well, also one that answers later", async () => {
    const authorize = async ({ headers }: { headers: NodeJS.Dict<string | string[]> }): Promise<boolean> =>
      headers.cookie === 'session=1';
    const { url } = await serve({ servers, authorize });
    expect((await fetch(`${url}/dashboard`, { headers: { ...html, Cookie: 'session=1' } })).status).toBe(200);
    expect((await fetch(`${url}/dashboard`, { headers: html })).status).toBe(401);
  });
});

describe('a page of another site', () => {
  const foreign = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors' };

  it.each(['', '/main.js', '/events'])('does not get /dashboard%s', async (at) => {
    const { url } = await serve({ servers });
    const response = await fetch(`${url}/dashboard${at}`, { headers: foreign });
    expect([response.status, await response.json()]).toEqual([
      403,
      expect.objectContaining({ code: 'MCPO_FORBIDDEN_ORIGIN' }),
    ]);
  });
});

it('a page whose reader cannot be checked is refused', async () => {
  const { url } = await serve({
    servers,
    authorize: () => {
      throw new Error('the session store is down');
    },
  });
  expect((await fetch(`${url}/dashboard`, { headers: html })).status).toBe(401);
});
