import { HOSTILE_NAMES, HOSTILE_SCHEMAS, hostileTools, toolOf } from '../support/hostile-tools';
import { Browser } from '../support/docs-in-browser';
import { StubApp } from '../support/stub-app';
import { DOCS_ASSETS } from '../../lib/pages/docs';

const echo = toolOf('lab', {
  name: 'echo',
  description: 'Says it again.',
  inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
});
const ping = toolOf('other', { name: 'ping', inputSchema: { type: 'object' } });

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

  test.each(DOCS_ASSETS)('%s is sent whole, and not again to a client that has it', async (name) => {
    const url = `${base}/docs/${name}`;
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
  });

  test.each(['/docs/LICENSE', '/docs/..%2f..%2fpackage.json', '/docs/constructor', '/lab/docs/start.js'])(
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
