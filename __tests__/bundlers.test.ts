import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import webpack from 'webpack';
import { headerServer } from './support/header-server';
import { post } from './support/post';
import { scripted } from './support/stdio';
import { Transpiled } from './support/transpiled';

const root = path.join(__dirname, '..');

let code: Transpiled;
let upstream: Awaited<ReturnType<typeof headerServer>>;
beforeAll(async () => {
  code = new Transpiled();
  upstream = await headerServer();
}, 60_000);
afterAll(async () => {
  code.remove();
  await upstream.close();
});

interface Bundler {
  /** Puts a script and all that it needs into a single file; resolves with the warnings. */
  bundle(entry: string, outfile: string): Promise<readonly string[]>;
}

const byEsbuild: Bundler = {
  async bundle(entry, outfile) {
    const { warnings } = await build({
      ...{ entryPoints: [entry], bundle: true, minify: true, platform: 'node', target: 'node20', outfile },
      logLevel: 'silent',
    });
    return warnings.map(({ text }) => text);
  },
};

const byWebpack: Bundler = {
  async bundle(entry, outfile) {
    const { dir, base } = path.parse(outfile);
    const compiler = webpack({
      ...{ mode: 'production', target: 'node', entry, output: { path: dir, filename: base } },
      // Takes most of the time, and is what the other bundler does.
      optimization: { minimize: false },
    });
    const stats = await new Promise<webpack.Stats | undefined>((resolve, reject) => {
      compiler.run((error, result) => {
        if (error) reject(error);
        else resolve(result);
      });
    });
    await new Promise<void>((resolve) => {
      compiler.close(() => {
        resolve();
      });
    });
    const { errors = [], warnings = [] } = stats?.toJson({ all: false, errors: true, warnings: true }) ?? {};
    // Express loads engines of views by their names.
    const ours = warnings.filter(({ moduleName }) => moduleName?.endsWith('/express/lib/view.js') !== true);
    return [...errors, ...ours].map(({ message }) => message);
  },
};

describe.each([
  ['esbuild', byEsbuild],
  ['webpack', byWebpack],
])('an app that %s has put into a single file', (_name, bundler) => {
  let folder: string;
  let app: ChildProcess;
  let url: string;

  /** In a folder without any package. */
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'mcpo-bundle-'));
    const outfile = path.join(folder, 'app.js');
    const entry = path.resolve(__dirname, 'support', code.script('bundled-app.ts'));
    expect(await bundler.bundle(entry, outfile)).toEqual([]);
    app = spawn(process.execPath, [outfile, upstream.url, ...scripted(['schemas']).args], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(app.stdout ?? app, 'data')) as [Buffer];
    url = line.toString().trim();
  }, 60_000);

  afterAll(async () => {
    app.kill('SIGTERM');
    await once(app, 'exit');
    await rm(folder, { recursive: true, force: true });
  });

  it.each([
    ['streamable HTTP', 'web/headers', {}],
    ['SSE', 'stream/headers', {}],
    ['stdio', 'child/echo', { text: 'from a child' }],
  ])('calls tools over %s', async (_how, tool, args) => {
    const { status, body } = await post(`${url}/${tool}`, { args });
    expect([status, JSON.stringify(body)]).toEqual([200, expect.stringContaining('text' in args ? args.text : 'host')]);
  });

  it('checks arguments, and describes its tools', async () => {
    expect((await post(`${url}/child/echo`, { args: { text: 1 } })).status).toBe(422);
    const document = (await (await fetch(`${url}/openapi.json`)).json()) as { readonly paths: object };
    expect(Object.keys(document.paths)).toEqual(expect.arrayContaining(['/web/headers', '/child/echo']));
  });

  it('says of its pages which files to copy, and shows them once they are copied', async () => {
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
});
