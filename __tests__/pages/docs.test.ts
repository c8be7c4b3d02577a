import { HOSTILE_NAMES, HOSTILE_SCHEMAS, hostileTools, toolOf } from '../support/hostile-tools';
import { Browser, DocsVisit } from '../support/docs-in-browser';
import { StubApp } from '../support/stub-app';
import { Lab, text } from '../support/lab';
import { serving } from '../support/serve';

const echo = toolOf('lab', {
  name: 'echo',
  description: 'Says it again.',
  inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
});
const ping = toolOf('other', { name: 'ping', inputSchema: { type: 'object' } });

const lab = new Lab().tool('echo', () => text('hi'));
const servers = { lab: { connect: lab.connect } };
const serve = serving();

describe('the files', () => {
  const app = new StubApp([echo, ping], { title: `<b title="x">&'` });
  let base = '';
  beforeAll(async () => {
    base = await app.start();
  });
  afterAll(() => app.stop());

  test.each(['/docs', '/docs/', '/docs?url=//example.com', '/lab/docs', '/lab/docs/'])(
    'the page at %s has headers that allow nothing from elsewhere',
    async (path) => {
      const response = await fetch(`${base}${path}`);
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
      const html = await response.text();
      expect(html).toContain('&#60;b title=&#34;x&#34;&#62;&#38;&#39;');
      expect(html).not.toContain('<b ');
      const links = [...html.matchAll(/(?:src|href|data-spec)="([^"]+)"/g)].map(([, link]) => link ?? '');
      expect(links).toHaveLength(5);
      for (const link of links) expect((await fetch(new URL(link, response.url))).status).toBe(200);
    },
  );

  test.each(['docs/swagger-ui-bundle.js', 'docs/swagger-ui.css', 'docs/favicon-32x32.png', 'dashboard/docs.js'])(
    '%s is sent whole, and not again to a client that has it',
    async (name) => {
      const url = `${base}/${name}`;
      const first = await fetch(url);
      expect(first.status).toBe(200);
      expect(first.headers.get('x-content-type-options')).toBe('nosniff');
      const body = Buffer.from(await first.arrayBuffer());
      expect(body.length).toBeGreaterThan(200);
      const etag = first.headers.get('etag') ?? '';
      for (const tags of [etag, `"old", W/${etag}`, '*']) {
        const again = await fetch(url, { headers: { 'If-None-Match': tags } });
        expect(again.status).toBe(304);
        expect(again.headers.get('etag')).toBe(etag);
        expect(await again.text()).toBe('');
      }
      expect((await fetch(url, { headers: { 'If-None-Match': '"old"' } })).status).toBe(200);
      const head = await fetch(url, { method: 'HEAD' });
      expect(head.headers.get('content-length')).toBe(String(body.length));
      expect(await head.text()).toBe('');
    },
  );

  test.each(['/docs/LICENSE', '/docs/..%2f..%2fpackage.json', '/docs/constructor', '/lab/docs/swagger-ui.css'])(
    '%s is none of them',
    async (path) => {
      expect((await fetch(`${base}${path}`)).status).toBe(404);
    },
  );

  test('the page answers HEAD', async () => {
    const response = await fetch(`${base}/docs`, { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(Number(response.headers.get('content-length'))).toBeGreaterThan(100);
    expect(await response.text()).toBe('');
  });
});

describe('with an API key', () => {
  const browser = { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

  test.each(['/docs', '/docs/', '/lab/docs', '/lab/docs/', '/none/docs'])(
    'a browser without it gets 401 at %s, and a page that asks for it and tells nothing',
    async (path) => {
      const { url } = await serve({ servers, apiKey: 'secret', info: { title: 'Confidential' } });
      for (const headers of [browser, { ...browser, Authorization: 'Bearer wrong' }]) {
        const response = await fetch(url + path, { headers });
        expect(response.status).toBe(401);
        expect(Object.fromEntries(response.headers)).toMatchObject({
          'content-type': 'text/html; charset=utf-8',
          'content-security-policy': expect.stringContaining("default-src 'none'"),
          'www-authenticate': expect.stringMatching(/^Bearer /),
          vary: 'Accept',
        });
        const page = await response.text();
        expect(page).toContain('API key');
        expect(page).not.toMatch(/Confidential|"lab"|swagger/);
        const links = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link ?? '');
        expect(links).toHaveLength(3);
        for (const link of links) expect((await fetch(new URL(link, response.url))).status).toBe(200);
      }
    },
  );

  test('a program without it gets 401 as everywhere, and anybody who has it the page', async () => {
    const { url } = await serve({ servers, apiKey: 'secret' });
    for (const path of ['/docs', '/lab/docs']) {
      const refused = await fetch(url + path);
      expect([refused.status, await refused.json()]).toMatchObject([401, { code: 'MCPO_UNAUTHORIZED' }]);
      const response = await fetch(url + path, { headers: { ...browser, 'X-API-Key': 'secret' } });
      expect([response.status, await response.text()]).toEqual([200, expect.stringContaining('swagger-ui')]);
    }
  });

  test('a browser that calls a tool, or reads what is no page, gets a problem', async () => {
    const { url } = await serve({ servers, apiKey: 'secret' });
    for (const [method, path] of [
      ['POST', '/lab/echo'],
      ['POST', '/lab/docs'],
      ['GET', '/openapi.json'],
      ['GET', '/metrics'],
    ] as const) {
      const response = await fetch(url + path, { method, headers: browser });
      expect([path, response.status, await response.json()]).toMatchObject([path, 401, { code: 'MCPO_UNAUTHORIZED' }]);
    }
  });

  test.each([403, 429, 503] as const)('a refusal with %i is not one that a key would help', async (status) => {
    const { url } = await serve({ servers, authorize: () => ({ status }) });
    const response = await fetch(`${url}/docs`, { headers: browser });
    expect([response.status, await response.json()]).toMatchObject([status, { status }]);
  });
});

describe('in a browser', () => {
  let browser: Browser;
  let app: StubApp | undefined;
  beforeAll(async () => {
    browser = await Browser.start();
  }, 60_000);
  afterEach(() => app?.stop());
  afterAll(() => browser.stop());

  test.each([
    ['', '/docs', '/lab/echo'],
    ['/deep/mcp', '/docs', '/lab/echo'],
    ['/deep/mcp', '/docs/', '/lab/echo'],
    ['/deep/mcp', '/lab/docs', '/echo'],
    ['/deep/mcp', '/lab/docs/', '/echo'],
  ])(
    'below "%s", %s lists the tools and calls one',
    async (mount, page, path) => {
      app = new StubApp([echo, ping], { mount });
      const visit = await browser.open(`${await app.start()}${page}`);
      expect(await visit.paths()).toEqual(page.startsWith('/lab') ? ['/echo'] : ['/lab/echo', '/other/ping']);
      const { status, body } = await visit.execute(path, { text: 'grüße' });
      expect(status).toBe('200');
      expect(JSON.parse(body)).toEqual({ echo: { text: 'grüße' }, path: '/lab/echo' });
      expect(app.calls).toHaveLength(1);
      expect(app.calls[0]?.headers).toMatchObject({
        'sec-fetch-site': 'same-origin',
        'content-type': 'application/json',
      });
      expect(visit.complaints).toEqual([]);
      await visit.page.close();
    },
    60_000,
  );

  test('a key is entered and sent', async () => {
    app = new StubApp([echo, ping], { key: 'secret' });
    const visit = await browser.open(`${await app.start()}/docs`);
    await visit.authorize('secret');
    expect((await visit.execute('/other/ping')).status).toBe('200');
    expect(app.calls[0]?.headers.authorization).toBe('Bearer secret');
    expect(visit.complaints).toEqual([]);
    await visit.page.close();
  }, 60_000);

  test.each(['/docs', '/docs/', '/lab/docs'])(
    'of a router with a key, %s asks for it, keeps it in the tab and calls with it',
    async (path) => {
      const { url } = await serve({ servers, apiKey: 'secret' });
      const visit = new DocsVisit(await browser.newPage());
      await visit.goAsked(url + path);
      await visit.enterKey('wrong');
      await visit.page.getByText('the credentials are not valid').waitFor();
      expect(await visit.page.evaluate('Object.keys(sessionStorage)')).toEqual([]);
      await visit.enterKey('secret');
      await visit.page.waitForSelector('.opblock');
      const { status, body } = await visit.execute(path === '/lab/docs' ? '/echo' : '/lab/echo', {});
      expect([status, body]).toEqual(['200', '"hi"']);
      const stored = '[Object.entries(sessionStorage), Object.keys(localStorage), document.cookie]';
      expect(await visit.page.evaluate(stored)).toEqual([[['express-mcpo /mcp/', 'secret']], [], '']);
      // What a browser says of the page without a key, and of the one with a wrong one.
      expect(visit.complaints.filter((complaint) => !complaint.includes('401'))).toEqual([]);

      // The other pages of the router need it no more.
      await visit.page.goto(`${url}/dashboard`);
      await visit.page.locator('#connection', { hasText: 'Live' }).waitFor();
      await visit.page.goBack();
      await visit.page.waitForSelector('.opblock');
      await visit.page.close();
    },
    60_000,
  );

  test('a key gives no page of a server that is none', async () => {
    const { url } = await serve({ servers, apiKey: 'secret' });
    const visit = new DocsVisit(await browser.newPage());
    await visit.goAsked(`${url}/none/docs`);
    await visit.enterKey('secret');
    await visit.page.locator('#access-error', { hasText: 'no server of this name' }).waitFor();
    await visit.page.close();
  }, 60_000);

  test('a link leads to one tool', async () => {
    app = new StubApp([echo, ping]);
    const visit = await browser.open(`${await app.start()}/docs#/other/other_ping`);
    await visit.page.waitForSelector('.opblock.is-open [data-path="/other/ping"]');
    expect(visit.complaints).toEqual([]);
    await visit.page.close();
  }, 60_000);

  test('hostile tools are listed, and those of any name called', async () => {
    app = new StubApp(hostileTools('lab', 20));
    const visit = await browser.open(`${await app.start()}/docs`);
    expect(await visit.paths()).toHaveLength(HOSTILE_NAMES.length + Object.keys(HOSTILE_SCHEMAS).length + 20);
    for (const name of ['{id}', '100%', 'a/b', 'größe', '?query#hash', '"<script>alert(1)</script>']) {
      const path = `/lab/${name.split('/').map(encodeURIComponent).join('/')}`;
      const { status, body } = await visit.execute(path, { text: name });
      expect([status, JSON.parse(body)]).toEqual(['200', { echo: { text: name }, path }]);
    }
    for (const name of ['circular', 'selfReference', 'union', 'keywordNames', 'prototypeNames']) {
      await visit.page.locator(`[data-path="/lab/${name}"]`).click();
    }
    expect(visit.complaints).toEqual([]);
    await visit.page.close();
  }, 120_000);

  test('a picture in a description is not fetched from elsewhere', async () => {
    app = new StubApp([
      toolOf('lab', { ...echo.definition, description: '![](https://example.com/x.png) <img src=x>' }),
    ]);
    const visit = await browser.open(`${await app.start()}/lab/docs#/lab/echo`);
    await visit.page.waitForSelector('.opblock.is-open');
    await visit.page.waitForLoadState('networkidle');
    expect(visit.complaints).toContain('blocked https://example.com/x.png');
    expect(visit.complaints.filter((complaint) => complaint.startsWith('request'))).toEqual([]);
    await visit.page.close();
  }, 60_000);
});
