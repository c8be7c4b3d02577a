import path from 'node:path';
import { type McpoRouter, mcpoRouter } from '../lib';
import type { OpenApiDocument } from '../lib/pages/openapi/document';
import { Browser } from './support/docs-in-browser';
import { hostileTools } from './support/hostile-tools';
import { type Mounted, inExpress5 } from './support/hosts';
import { Lab, text } from './support/lab';
import { silent } from './support/loggers';
import { dialectErrors, openApiErrors } from './support/openapi-validators';

const everything = require.resolve('@modelcontextprotocol/server-everything/dist/index.js');
const filesystem = require.resolve('@modelcontextprotocol/server-filesystem/dist/index.js');

const hostile = new Lab();
for (const { name, definition } of hostileTools('hostile', 20)) {
  // One of the validators takes properties that are called like keywords for keywords.
  if (name !== 'keywordNames') hostile.tool(name, () => text('reached'), definition);
}

let mcpo: McpoRouter;
let mounted: Mounted;
let browser: Browser;

beforeAll(async () => {
  mcpo = mcpoRouter({
    servers: {
      everything: { command: process.execPath, args: [everything, 'stdio'] },
      files: { command: process.execPath, args: [filesystem, path.join(__dirname, '../examples/quickstart/files')] },
      hostile: { connect: hostile.connect },
    },
    logger: silent,
  });
  await mcpo.ready();
  mounted = await inExpress5.mount(mcpo);
  browser = await Browser.start();
}, 60_000);
afterAll(async () => {
  await browser.stop();
  await mcpo.close();
  await mounted.close();
});

const documentAt = async (at: string): Promise<OpenApiDocument> =>
  (await (await fetch(mounted.url + at)).json()) as OpenApiDocument;

describe('the description of real servers and a hostile one', () => {
  it.each(['/openapi.json', '/everything/openapi.json', '/files/openapi.json', '/hostile/openapi.json'])(
    'at %s is valid for independent validators',
    async (at) => {
      const document = await documentAt(at);
      expect(Object.keys(document.paths).length).toBeGreaterThan(10);
      expect(await openApiErrors(document)).toEqual([]);
      expect(dialectErrors(document)).toEqual([]);
    },
    60_000,
  );

  it('has a path for every tool that reaches it', async () => {
    const { paths } = await documentAt('/hostile/openapi.json');
    for (const at of Object.keys(paths)) {
      const response = await fetch(`${mounted.url}/hostile${at}`, { method: 'POST' });
      expect([`200 ${at}`, `422 ${at}`]).toContain(`${response.status} ${at}`);
    }
  });
});

describe('the docs page in a browser', () => {
  it('lists the tools of real servers, calls one and shows its result, with nothing from another host', async () => {
    const visit = await browser.open(`${mounted.url}/docs`);
    const paths = await visit.paths();
    expect(paths).toEqual(expect.arrayContaining(['/everything/echo', '/files/list_directory']));
    const echo = await visit.execute('/everything/echo', { message: 'hi' });
    expect(echo).toEqual({ status: '200', body: '"Echo: hi"' });
    const listing = await visit.execute('/files/list_directory', { path: '.' });
    expect([listing.status, listing.body]).toEqual(['200', expect.stringContaining('welcome.txt')]);
    expect(visit.complaints).toEqual([]);
    await visit.page.close();
  }, 60_000);
});
