import { setTimeout as delay } from 'node:timers/promises';
import express from 'express';
import type { Page } from 'playwright-core';
import { until } from '../support/deferred';
import { Browser } from '../support/docs-in-browser';
import { type Mounted, listen } from '../support/hosts';
import { Lab, text } from '../support/lab';
import { serving } from '../support/serve';

/** A request that has reached the router's app. */
interface Arrived {
  readonly method: string;
  readonly type: string;
  readonly site: string;
  readonly status: number;
  /** Whether the answer lets a page of another origin read it. */
  readonly isReadable: boolean;
}

const REBOUND = 'rebound.test';
const EMPTY = '<!doctype html><body>';
let arrived: Arrived[] = [];
const serve = serving({
  name: 'Express 5, with a page of its own',
  async mount(router) {
    const app = express();
    app.get('/', (_req, res) => {
      res.type('html').send(EMPTY);
    });
    app.use('/mcp', router);
    const mounted = await listen(app, '/mcp');
    mounted.server.prependListener('request', (req, res) => {
      if (req.url === '/favicon.ico') return;
      res.once('finish', () => {
        arrived.push({
          method: req.method ?? '',
          type: req.headers['content-type']?.split(';', 1)[0] ?? '',
          site: String(req.headers['sec-fetch-site']),
          status: res.statusCode,
          isReadable: res.hasHeader('access-control-allow-origin'),
        });
      });
    });
    return mounted;
  },
});

const lab = new Lab().tool('wipe', () => text('wiped'), { inputSchema: { type: 'object' } });
let browser: Browser;
let evil: Mounted;
let page: Page;
beforeAll(async () => {
  browser = await Browser.start([`--host-resolver-rules=MAP ${REBOUND} 127.0.0.1`]);
  evil = await listen((_req, res) => res.setHeader('Content-Type', 'text/html').end(EMPTY));
}, 60_000);
afterAll(async () => {
  await browser.stop();
  await evil.close();
});
beforeEach(async () => {
  arrived = [];
  lab.runs.clear();
  page = await browser.newPage();
});
// A page in the middle of a navigation may never say that it is closed; it ends with the browser.
afterEach(() => Promise.race([page.close(), delay(5_000, undefined, { ref: false })]));

/** Opens a page of another site: `localhost` is none of `127.0.0.1`'s. */
async function openEvil(): Promise<void> {
  await page.goto(evil.url.replace('127.0.0.1', 'localhost'));
}

/** Submits a form of the page to a URL; its body is JSON where it is sent as plain text. */
async function submitForm(to: string, enctype: string): Promise<void> {
  await page.evaluate(`{
    const more = { method: 'POST', action: ${JSON.stringify(to)}, enctype: '${enctype}' };
    const form = Object.assign(document.createElement('form'), more);
    form.append(Object.assign(document.createElement('input'), { name: '{"a":"', value: '"}' }));
    document.body.append(form);
    form.submit();
  }`);
  await until(() => arrived.some(({ method }) => method === 'POST'));
}

describe('a page of another site, in a real browser', () => {
  it.each(['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain'])(
    'runs no tool by a form of %s',
    async (enctype) => {
      const { url } = await serve({ servers: { lab: { connect: lab.connect } } });
      await openEvil();
      await submitForm(`${url}/lab/wipe`, enctype);
      expect(arrived).toEqual([{ method: 'POST', type: enctype, site: 'cross-site', status: 403, isReadable: false }]);
      expect(lab.runs.size).toBe(0);
    },
  );

  it('runs no tool by a form where the browser tells nothing but Origin: to a name without TLS', async () => {
    const { url } = await serve({ servers: { lab: { connect: lab.connect } }, allowedHosts: [REBOUND] });
    await openEvil();
    await submitForm(`${url.replace('127.0.0.1', REBOUND)}/lab/wipe`, 'text/plain');
    expect(arrived).toMatchObject([{ site: 'undefined', status: 403 }]);
    expect(lab.runs.size).toBe(0);
  });

  it.each([
    ['a simple request', "{ method: 'POST', mode: 'no-cors', body: '{}' }", 'POST'],
    ['one without a body', "{ method: 'POST', mode: 'no-cors', credentials: 'include' }", 'POST'],
    ['JSON', "{ method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }", 'OPTIONS'],
    ['a header of its own', "{ method: 'POST', headers: { 'x-api-key': 'k' } }", 'OPTIONS'],
    ['a request that reads', "{ mode: 'cors' }", 'GET'],
  ])('runs no tool and reads nothing by fetch with %s', async (_what, init, method) => {
    const { url } = await serve({ servers: { lab: { connect: lab.connect } } });
    await openEvil();
    const target = JSON.stringify(`${url}/lab/wipe`);
    const read = await page.evaluate<string>(
      `fetch(${target}, ${init}).then((response) => response.text(), () => 'not readable')`,
    );
    expect(['not readable', '']).toContain(read);
    await until(() => arrived.length > 0);
    expect(arrived.map((each) => [each.method, each.isReadable])).toEqual([[method, false]]);
    expect(arrived[0]?.status).toBe(403);
    expect(lab.runs.size).toBe(0);
  });

  it('runs no tool by a beacon, a picture or a link', async () => {
    const { url } = await serve({ servers: { lab: { connect: lab.connect } } });
    await openEvil();
    const target = JSON.stringify(`${url}/lab/wipe`);
    await page.evaluate(`navigator.sendBeacon(${target}, '{}'); new Image().src = ${target};`);
    await until(() => arrived.length === 2);
    expect(arrived.map(({ status }) => status)).toEqual([403, 403]);
    await page.evaluate(`location.href = ${target}`);
    await until(() => arrived.length >= 3);
    expect(arrived[2]).toMatchObject({ method: 'GET', site: 'cross-site', status: 405 });
    expect(lab.runs.size).toBe(0);
  });

  it('reads and calls where its origin is allowed, which shows that the others could have', async () => {
    const origin = new URL(evil.url.replace('127.0.0.1', 'localhost')).origin;
    const { url } = await serve({ servers: { lab: { connect: lab.connect } }, allowedOrigins: [origin] });
    await openEvil();
    await page.evaluate(`fetch(${JSON.stringify(`${url}/lab/wipe`)}, { method: 'POST', mode: 'no-cors' })`);
    expect(lab.runs.get('wipe')).toBe(1);
  });
});

describe('a page whose name is bound anew to this machine (DNS rebinding), in a real browser', () => {
  it('runs no tool and reads nothing, although it is of the same origin as the router for the browser', async () => {
    const { url } = await serve({ servers: { lab: { connect: lab.connect } } });
    const rebound = url.replace('127.0.0.1', REBOUND);
    // What the attacker's own server has sent before; here the app does, since the browser looks at the address too.
    await page.goto(new URL(rebound).origin);
    arrived = [];
    const ask = (path: string, init: string): Promise<string> =>
      page.evaluate<string>(`fetch(${JSON.stringify(rebound + path)}, ${init}).then((response) => response.text())`);
    const init = "{ method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }";
    expect(JSON.parse(await ask('/lab/wipe', init))).toMatchObject({ status: 403, code: 'MCPO_FORBIDDEN_HOST' });
    for (const path of ['/openapi.json', '/metrics', '/docs', '/lab/docs', '/dashboard/events']) {
      expect(JSON.parse(await ask(path, '{}'))).toMatchObject({ status: 403, code: 'MCPO_FORBIDDEN_HOST' });
    }
    expect(JSON.parse(await ask('/health', '{}'))).toEqual({ status: 'healthy' });
    // To a name without TLS a browser sends no Sec-Fetch-Site, nor Origin with what reads: Host alone tells.
    expect(arrived.map(({ site }) => site)).toEqual(Array.from({ length: 7 }, () => 'undefined'));
    expect(lab.runs.size).toBe(0);
  });
});
