import type { Server, ServerResponse } from 'node:http';
import { until } from '../support/deferred';
import { DashboardVisit } from '../support/dashboard-in-browser';
import { Browser } from '../support/docs-in-browser';
import { inExpress5 } from '../support/hosts';
import { Lab, text } from '../support/lab';
import { post } from '../support/post';
import { serving } from '../support/serve';

/** The streams of events that are open, and the server that they are of. */
const streams = new Set<ServerResponse>();
let host: Server;
const serve = serving({
  ...inExpress5,
  async mount(router) {
    const mounted = await inExpress5.mount(router);
    host = mounted.server;
    host.prependListener('request', ({ url = '' }, res) => {
      if (!url.endsWith('/events')) return;
      streams.add(res);
      res.once('close', () => streams.delete(res));
    });
    return mounted;
  },
});
const lab = new Lab().tool('echo', () => text('hi'));
const servers = { lab: { connect: lab.connect } };
let browser: Browser;
let visit: DashboardVisit;
beforeAll(async () => {
  browser = await Browser.start();
}, 60_000);
afterAll(() => browser.stop());
afterEach(() => visit.page.close());

describe('the stream', () => {
  it('ends when the page is closed, and when it goes elsewhere', async () => {
    const { url } = await serve({ servers });
    visit = await DashboardVisit.to(browser, url);
    await visit.says('Live');
    expect(streams.size).toBe(1);
    await visit.page.goto(`${url}/health`);
    await until(() => streams.size === 0);
    await visit.page.goto(`${url}/dashboard`);
    await visit.says('Live');
    expect(streams.size).toBe(1);
    await visit.page.close();
    await until(() => streams.size === 0);
  });

  it('ends when the router closes, and the page says so', async () => {
    const { mcpo, url } = await serve({ servers });
    visit = await DashboardVisit.to(browser, url);
    await visit.says('Live');
    await mcpo.close();
    await until(() => streams.size === 0);
    await visit.says('The connection is lost; what you see is of');
    expect(visit.complaints).toEqual([]);
    await visit.says('Refused: the router is shutting down');
    expect(await visit.page.locator('#content').isVisible()).toBe(true);
  });

  it('is found again when the connection is lost', async () => {
    const { url } = await serve({ servers });
    visit = await DashboardVisit.to(browser, url);
    await visit.says('Live');
    host.closeAllConnections();
    await visit.says('The connection is lost');
    await visit.says('Live');
    expect(streams.size).toBe(1);
  });

  it('is left when nothing comes any more', async () => {
    const { url } = await serve({ servers });
    visit = await DashboardVisit.to(browser, url);
    await visit.says('Live');
    const [mute] = streams;
    if (mute) mute.write = () => true;
    await visit.says('The connection is lost');
    await visit.says('Live');
    await until(() => mute?.destroyed === true && streams.size === 1);
  });

  it('stops for a pause, and goes on after it', async () => {
    const { url } = await serve({ servers });
    visit = await DashboardVisit.to(browser, url);
    await visit.says('Live');
    const pause = visit.page.getByRole('button', { name: 'Pause' });
    await pause.click();
    await visit.says('Paused at');
    expect(await pause.getAttribute('aria-pressed')).toBe('true');
    await until(() => streams.size === 0);
    await post(`${url}/lab/echo`);
    expect(await visit.tools()).toEqual([]);
    await pause.click();
    await visit.says('Live');
    expect(await pause.getAttribute('aria-pressed')).toBe('false');
    await visit.showsTools(['lab/echo']);
    expect(visit.complaints).toEqual([]);
  });
});

describe('with an API key', () => {
  const key = async (value: string): Promise<void> => {
    await visit.page.getByLabel('API key').fill(value);
    await visit.page.getByLabel('API key').press('Enter');
  };
  const stored = (): Promise<unknown> =>
    visit.page.evaluate('[...Object.values(sessionStorage), ...Object.values(localStorage), document.cookie]');

  it('asks for the key, keeps it in the tab alone and forgets it', async () => {
    const { url } = await serve({ servers, apiKey: 'secret', info: { title: 'Confidential' } });
    visit = await DashboardVisit.to(browser, url);
    await visit.says('A key is needed');
    expect(await visit.page.locator('#content').isVisible()).toBe(false);
    expect(await visit.page.evaluate('document.activeElement.id')).toBe('key');
    expect(streams.size).toBe(0);

    await key('grüße');
    await visit.page.getByText('the credentials are not valid').waitFor();
    await key('wrong');
    await visit.page.getByText('the credentials are not valid').waitFor();
    expect(await stored()).toEqual(['']);
    expect(await visit.page.locator('#content').isVisible()).toBe(false);

    expect(await visit.page.title()).toBe('MCP tools');
    await key('secret');
    await visit.says('Live');
    await visit.page.getByRole('heading', { name: 'Confidential' }).waitFor();
    expect(await visit.page.getByLabel('API key').isVisible()).toBe(false);
    expect(await stored()).toEqual(['secret', '']);
    expect(visit.page.url()).toBe(`${url}/dashboard`);
    await visit.page.reload();
    await visit.says('Live');

    await visit.page.getByRole('button', { name: 'Forget the key' }).click();
    await visit.says('A key is needed');
    expect(await stored()).toEqual(['']);
    await until(() => streams.size === 0);
    // The two that a browser is refused by: the page without a key, and the stream with a wrong one.
    const pages = [`401 for ${url}/dashboard`, `401 for ${url}/dashboard/events`];
    const others = visit.complaints.filter((complaint) => !pages.includes(complaint) && !complaint.includes('401 ('));
    expect(others).toEqual([]);
  });

  it('a key that has become wrong is asked for again', async () => {
    const { url } = await serve({ servers, apiKey: 'new' });
    visit = await DashboardVisit.to(browser, url);
    await visit.page.evaluate("sessionStorage.setItem('express-mcpo /mcp/', 'old')");
    await visit.page.reload();
    await visit.page.getByText('the credentials are not valid').waitFor();
    await key('new');
    await visit.says('Live');
  });

  it('asks nothing where something else in the request is enough', async () => {
    const { url } = await serve({ servers, authorize: ({ headers }) => headers.cookie === 'session=1' });
    visit = new DashboardVisit(await browser.newPage());
    await visit.page.context().addCookies([{ name: 'session', value: '1', url }]);
    await visit.go(`${url}/dashboard/`);
    await visit.says('Live');
    expect(await visit.page.getByRole('button', { name: 'Forget the key' }).isVisible()).toBe(false);
    expect(visit.complaints).toEqual([]);
    await visit.page.context().clearCookies();
  });
});

describe('for every reader', () => {
  it('is light or dark as the reader likes, the charts too', async () => {
    const { url } = await serve({ servers });
    visit = await DashboardVisit.to(browser, url);
    await visit.page.emulateMedia({ colorScheme: 'light' });
    await visit.says('Live');
    await visit.page.getByRole('button', { name: 'Pause' }).click();
    const background = 'getComputedStyle(document.body).backgroundColor';
    const light = [await visit.page.evaluate(background), (await visit.chart('Calls')).pixels];
    await visit.page.emulateMedia({ colorScheme: 'dark' });
    await until(async () => (await visit.chart('Calls')).pixels !== light[1]);
    expect(await visit.page.evaluate(background)).not.toBe(light[0]);
  });

  it.each([320, 375, 768, 1280])(
    'is not wider than a screen of %i pixels, and each number has its name',
    async (width) => {
      const { url } = await serve({ servers });
      await post(`${url}/lab/echo`);
      visit = await DashboardVisit.to(browser, url);
      await visit.page.setViewportSize({ width, height: 800 });
      await visit.showsTools(['lab/echo']);
      expect(await visit.page.evaluate('document.documentElement.scrollWidth')).toBe(width);
      await visit.page.getByRole('columnheader', { name: 'p99', exact: true }).getByRole('button').click();
      const row = visit.page.getByRole('table', { name: 'Tools' }).getByRole('row').nth(1);
      await row.getByRole('rowheader', { name: 'lab/echo' }).waitFor();
      expect(await row.getByRole('cell').count()).toBe(8);
      const before =
        "getComputedStyle(document.querySelector('#tools [data-label=\"Calls/s\"]:is(td)'), '::before').content";
      const label = await visit.page.evaluate(before);
      expect(label).toBe(width < 880 ? '"Calls/s"' : 'none');
      const canvas = await visit.page.locator('.chart canvas').first().boundingBox();
      expect(canvas?.width).toBeGreaterThan(width < 880 ? width - 100 : 400);
      expect(canvas?.width).toBeLessThan(width);
      expect(visit.complaints).toEqual([]);
    },
  );

  it('draws what came while nobody saw it', async () => {
    const { url } = await serve({ servers });
    visit = await DashboardVisit.to(browser, url);
    await visit.says('Live');
    const hide = async (hidden: boolean): Promise<void> => {
      const event = "document.dispatchEvent(new Event('visibilitychange'))";
      await visit.page.evaluate(
        `Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true }); ${event}`,
      );
    };
    await hide(true);
    await post(`${url}/lab/echo`);
    const [stream] = streams;
    const sent = stream?.socket?.bytesWritten ?? 0;
    await until(() => (stream?.socket?.bytesWritten ?? 0) > sent);
    await visit.page.evaluate('new Promise((resolve) => setTimeout(resolve))');
    expect(await visit.tools()).toEqual([]);
    await hide(false);
    await visit.showsTools(['lab/echo']);
  });
});
