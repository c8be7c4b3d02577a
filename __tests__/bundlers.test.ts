import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { headerServer } from './support/header-server';
import { post } from './support/post';

const root = path.join(__dirname, '..');

/** An app that tells where it listens; `@opentelemetry/api` and undici are loaded late. */
const APP = `
  import express from 'express';
  import { mcpoRouter } from './index';
  const mcpo = mcpoRouter({ servers: { web: { type: 'streamable-http', url: process.argv[2] } } });
  void mcpo.ready().then(() => {
    const server = express().use('/mcp', mcpo).listen(0, '127.0.0.1', () => {
      console.log('http://127.0.0.1:' + server.address().port + '/mcp');
    });
  });
`;

let folder: string;
let app: ChildProcess;
let url: string;
let upstream: Awaited<ReturnType<typeof headerServer>>;

/** The app in a single file, in a folder without any package. */
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'mcpo-bundle-'));
  const outfile = path.join(folder, 'app.js');
  const { warnings } = await build({
    stdin: { contents: APP, resolveDir: path.join(root, 'lib'), loader: 'ts' },
    ...{ bundle: true, platform: 'node', target: 'node20', outfile, logLevel: 'silent' },
  });
  expect(warnings).toEqual([]);
  upstream = await headerServer();
  app = spawn(process.execPath, [outfile, `${upstream.url}/mcp`], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(app.stdout ?? app, 'data')) as [Buffer];
  url = line.toString().trim();
}, 60_000);

afterAll(async () => {
  app.kill('SIGKILL');
  await upstream.close();
  await rm(folder, { recursive: true, force: true });
});

it('an app bundled by esbuild calls tools over HTTP', async () => {
  expect((await post(`${url}/web/headers`)).status).toBe(200);
});

it('its pages say which files to copy, and work once they are copied', async () => {
  const pages = ['docs', 'docs/swagger-ui.css', 'dashboard', 'dashboard/uPlot.min.css'];
  const fetched = (page: string): Promise<Response> => fetch(`${url}/${page}`);
  for (const page of pages) {
    const response = await fetched(page);
    expect([response.status, await response.json()]).toEqual([
      500,
      expect.objectContaining({ detail: expect.stringContaining('copy node_modules/express-mcpo/assets') }),
    ]);
  }
  await cp(path.join(root, 'assets'), path.join(folder, 'express-mcpo-assets'), { recursive: true });
  for (const page of pages) expect((await fetched(page)).status).toBe(200);
});
