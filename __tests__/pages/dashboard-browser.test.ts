import { until } from '../support/deferred';
import { DashboardVisit } from '../support/dashboard-in-browser';
import { Browser } from '../support/docs-in-browser';
import { GatedLab } from '../support/gated-lab';
import { HOSTILE_NAMES } from '../support/hostile-tools';
import { Lab, text } from '../support/lab';
import { post } from '../support/post';
import { serving } from '../support/serve';

const serve = serving(undefined, { cache: true });
let browser: Browser;
let visit: DashboardVisit;
beforeAll(async () => {
  browser = await Browser.start();
}, 60_000);
afterAll(() => browser.stop());
afterEach(() => visit.page.close());

const read = { annotations: { readOnlyHint: true } };
/** Three tools that differ in every way that can be sorted by. */
const lab = new Lab()
  .tool('alpha', () => text('a'), read)
  .tool('beta', () => ({ ...text('no'), isError: true }))
  .tool('gamma', async () => {
    await new Promise((resolve) => setTimeout(resolve, 150));
    return text('c');
  });
const servers = { lab: { connect: lab.connect } };

async function call(url: string, tool: string, times: number): Promise<void> {
  for (let n = 0; n < times; n += 1) await post(`${url}/lab/${tool}`);
}

it('shows what goes on, and moves while calls run, with nothing from another host and no complaint', async () => {
  const slow = new GatedLab().tool('wait');
  const { url } = await serve({
    servers: { ...servers, slow: slow.server },
    // Two of them are the share of one server.
    concurrency: { maxConcurrent: 3 },
    cache: true,
    monitor: { windowSize: 10 },
    info: { title: 'Tools of ours' },
  });
  visit = await DashboardVisit.to(browser, url);
  await visit.says('Live');
  await visit.page.getByText('Nothing needs attention.').waitFor();
  expect(await visit.page.title()).toBe('Tools of ours: dashboard');
  const before = await Promise.all(
    ['Throughput', 'Latency', 'Cache hit rate', 'Calls'].map((name) => visit.chart(name)),
  );
  expect(before[1]?.words).toContain('p50 nothing yet');

  // A call that may have written drops what is kept.
  await call(url, 'beta', 10);
  await call(url, 'alpha', 30);
  const waiting = Array.from({ length: 5 }, (_, n) => post(`${url}/slow/wait`, { args: { n } }));
  await until(() => slow.begun === 2);
  await visit.page.locator('#overview .panel', { hasText: /^Waiting3for a permit/ }).waitFor();
  const numbers = await visit.page.locator('#overview .panel').allInnerTexts();
  expect(numbers.find((panel) => panel.startsWith('Throughput'))).toContain('40 calls so far');
  expect(numbers.find((panel) => panel.startsWith('Running'))).toMatch(/\n2\nof 3 at most; peak 2$/);
  expect(numbers.find((panel) => panel.startsWith('Cache hit rate'))).toMatch(/\n96\.6 %\n1 results/);
  expect(await visit.cell('tools', 'lab/beta', 'Success')).toBe('0 %');
  expect(await visit.cell('tools', 'slow/wait', 'Running')).toBe('5');
  expect(await visit.cell('servers', 'slow', 'In use')).not.toBe('0');
  expect(await visit.cell('servers', 'lab', 'State')).toContain('up');
  await visit.page.locator('#alerts li', { hasText: 'lab/beta: success rate 0 % is below 95 %' }).waitFor();

  for (const [index, name] of ['Throughput', 'Latency', 'Cache hit rate', 'Calls'].entries()) {
    const now = await visit.chart(name);
    expect([name, now.pixels === before[index]?.pixels]).toEqual([name, false]);
    expect(now.words).toMatch(/ now, between .+ in the last 30 seconds/);
  }
  const trend = visit.page.locator('#tools tbody tr').first().getByRole('img');
  expect(await trend.getAttribute('aria-label')).toContain('calls a second now, between 0 calls');
  slow.openAll();
  await Promise.all(waiting);
  await visit.page.locator('#overview dd', { hasText: '45 calls so far' }).waitFor();
  expect(visit.complaints).toEqual([]);
});

it('sorts the tools by click and by keyboard, and says so', async () => {
  const { url } = await serve({ servers });
  await call(url, 'alpha', 5);
  await call(url, 'beta', 3);
  await call(url, 'gamma', 1);
  visit = await DashboardVisit.to(browser, url);
  const sortedBy = async (): Promise<readonly (string | null)[]> => {
    const head = visit.page.locator('#tools th[aria-sort]');
    return [await head.innerText(), await head.getAttribute('aria-sort')];
  };
  const button = (name: string): ReturnType<typeof visit.page.getByRole> =>
    visit.page.getByRole('columnheader', { name, exact: true }).getByRole('button');
  await visit.showsTools(['lab/alpha', 'lab/beta', 'lab/gamma']);
  expect(await sortedBy()).toEqual(['Calls', 'descending']);

  await button('p95').click();
  expect((await visit.tools())[0]).toBe('lab/gamma');
  expect(await sortedBy()).toEqual(['p95', 'descending']);
  await button('p95').click();
  expect((await visit.tools())[2]).toBe('lab/gamma');
  expect(await visit.page.locator('#sorted').textContent()).toBe('Sorted by p95, ascending');

  await button('Success').focus();
  await visit.page.keyboard.press('Enter');
  await visit.page.keyboard.press('Space');
  expect((await visit.tools())[0]).toBe('lab/beta');
  expect(await sortedBy()).toEqual(['Success', 'ascending']);
  // Back over the six heads between them; what has the focus can be seen.
  for (let head = 0; head < 6; head += 1) await visit.page.keyboard.press('Shift+Tab');
  await visit.page.keyboard.press('Enter');
  expect(await sortedBy()).toEqual(['Tool', 'ascending']);
  expect(await visit.page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid');
  await visit.page.keyboard.press('Enter');
  expect(await visit.tools()).toEqual(['lab/gamma', 'lab/beta', 'lab/alpha']);

  await call(url, 'alpha', 1);
  await visit.page.getByText('10 calls so far').waitFor();
  expect(await visit.tools()).toEqual(['lab/gamma', 'lab/beta', 'lab/alpha']);
  expect(await visit.page.evaluate('document.activeElement.textContent')).toBe('Tool');
  expect(visit.complaints).toEqual([]);
});

it('shows the first of many tools, and others by the filter', async () => {
  const many = new Lab();
  const names = Array.from({ length: 60 }, (_, n) => `tool_${String(n).padStart(2, '0')}`);
  for (const name of names) many.tool(name, () => text('ok'));
  const { url } = await serve({ servers: { lab: { connect: many.connect } } });
  for (const name of names) await call(url, name, 1);
  visit = await DashboardVisit.to(browser, url);
  await visit.page.getByText('60 tools have been called; the first 50 of 60 are shown').waitFor();
  expect(await visit.tools()).toHaveLength(50);
  await visit.page.getByLabel('Filter').fill('TOOL_5');
  expect(await visit.tools()).toEqual(names.slice(50).map((name) => `lab/${name}`));
  await visit.page.getByLabel('Filter').fill('');
  expect(await visit.tools()).toHaveLength(50);
  expect(visit.complaints).toEqual([]);
});

it('shows hostile names as the text that they are', async () => {
  const wicked = '<img src=x onerror=document.title="taken">';
  const names = [...HOSTILE_NAMES, wicked, '\u202Egnihton', 'a\u0000b\nc', '${1+1}{{title}}', 'overall', '__proto__/x'];
  const hostile = new Lab();
  for (const name of names) hostile.tool(name, () => ({ ...text(wicked), isError: true }));
  const server = `"><script>document.title='taken'</script>`.replace('/', '');
  const { mcpo, url } = await serve({
    servers: {
      [server]: { connect: hostile.connect },
      overall: { connect: () => Promise.reject(new Error(wicked)) },
    },
    monitor: { windowSize: 1 },
    info: { title: wicked },
  });
  const served = Object.keys(mcpo.stats.tools).map((tool) => tool.slice(server.length + 1));
  expect(served.length).toBeGreaterThan(names.length - 2);
  for (const name of served) {
    const parts = /(?:^|\/)\.{0,2}(?:$|\/)/.test(name) ? [name] : name.split('/');
    await post(`${url}/${[server, ...parts].map(encodeURIComponent).join('/')}`);
  }
  visit = await DashboardVisit.to(browser, url);
  await visit.page
    .locator('#alerts li')
    .nth(served.length - 1)
    .waitFor();
  expect((await visit.tools()).sort()).toEqual(served.map((name) => `${server}/${name}`).sort());
  expect(await visit.page.locator('#alerts').innerText()).toContain(`${server}/${wicked}: success rate`);
  expect(await visit.page.locator('img, body script, iframe, a:not(.skip)').count()).toBe(0);
  expect(await visit.page.title()).toBe(`${wicked}: dashboard`);
  await visit.page.setViewportSize({ width: 375, height: 800 });
  expect(await visit.page.evaluate('document.documentElement.scrollWidth')).toBe(375);
  expect(visit.complaints).toEqual([]);
});
