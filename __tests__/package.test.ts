import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = path.join(__dirname, '..');
const tsc = require.resolve('typescript/bin/tsc');

interface Manifest {
  readonly homepage: string;
  readonly bugs: string;
  readonly repository: { readonly type: string; readonly url: string };
  readonly scripts: Record<string, string>;
  readonly dependencies: Record<string, string>;
  readonly peerDependencies: Record<string, string>;
}

interface SourceMap {
  readonly sources: readonly string[];
  readonly sourcesContent?: readonly string[];
}

let folder: string;
let packed: string;
let manifest: Manifest;

/** What packing needs of a clone, in which nothing has been built. */
const FRESH_CLONE = [
  ...['package.json', 'README.md', 'CHANGELOG.md', 'SECURITY.md', 'LICENSE', 'tsconfig.json', 'tsconfig.build.json'],
  ...['lib', 'scripts', 'dashboard'],
];

/** Installs the packed package beside links to what it needs: no registry is asked. */
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'mcpo-package-'));
  const modules = path.join(folder, 'node_modules');
  packed = path.join(modules, 'express-mcpo');
  await mkdir(packed, { recursive: true });
  // A copy, so that other tests and programs may use the build while this one makes its own.
  const source = path.join(folder, 'source');
  await mkdir(source);
  for (const name of FRESH_CLONE) await cp(path.join(root, name), path.join(source, name), { recursive: true });
  await symlink(path.join(root, 'node_modules'), path.join(source, 'node_modules'));
  await run('npm', ['pack', '--pack-destination', folder], { cwd: source });
  const tarball = (await readdir(folder)).find((file) => file.endsWith('.tgz')) ?? '';
  await run('tar', ['-xzf', path.join(folder, tarball), '-C', packed, '--strip-components=1']);
  manifest = JSON.parse(await readFile(path.join(packed, 'package.json'), 'utf8')) as Manifest;
  const { dependencies, peerDependencies } = manifest;
  for (const name of [...Object.keys(dependencies), ...Object.keys(peerDependencies), '@types/node']) {
    await mkdir(path.dirname(path.join(modules, name)), { recursive: true });
    await symlink(path.join(root, 'node_modules', name), path.join(modules, name));
  }
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

it('holds what users need and nothing else', async () => {
  expect((await readdir(packed)).sort()).toEqual([
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'SECURITY.md',
    'assets',
    'dist',
    'package.json',
  ]);
  const files = await readdir(path.join(packed, 'dist'), { recursive: true });
  expect(files).toContain('index.d.ts');
  expect(files.filter((file) => !/(?:^[a-z]+(?:\/[a-z]+)*$|\.js|\.d\.ts|\.js\.map)$/.test(file))).toEqual([]);
  expect(await readdir(path.join(packed, 'assets/swagger-ui'))).toContain('swagger-ui-bundle.js');
});

it('says where it comes from, so that npm can resolve the links of its README', () => {
  const { homepage, bugs, repository } = manifest;
  const address = /^git\+(https:\/\/github\.com\/[\w-]+\/express-mcpo)\.git$/.exec(repository.url)?.[1];
  expect(repository.type).toBe('git');
  expect([homepage, bugs]).toEqual([`${address}#readme`, `${address}/issues`]);
});

it('runs nothing when it is installed', async () => {
  const hooks = ['preinstall', 'install', 'postinstall'];
  expect(Object.keys(manifest.scripts).filter((name) => hooks.includes(name))).toEqual([]);
  expect(await readdir(packed)).not.toContain('binding.gyp');
});

it('has source maps that hold their sources', async () => {
  const files = await readdir(path.join(packed, 'dist'), { recursive: true });
  const maps = files.filter((file) => file.endsWith('.map'));
  expect(maps.length).toBeGreaterThan(100);
  for (const file of maps) {
    const map = JSON.parse(await readFile(path.join(packed, 'dist', file), 'utf8')) as SourceMap;
    expect(map.sourcesContent?.map((text) => text.length > 0)).toEqual(map.sources.map(() => true));
  }
});

it.each([
  ['CommonJS', 'use.cjs', "const { mcpoRouter } = require('express-mcpo');"],
  ['an ES module', 'use.mjs', "import { mcpoRouter } from 'express-mcpo';"],
])('works from %s', async (_kind, file, load) => {
  const script = `${load}
    const mcpo = mcpoRouter({ servers: {} });
    mcpo.ready().then(() => mcpo.close()).then(() => console.log(typeof mcpo.use, mcpo.stats.running));`;
  await writeFile(path.join(folder, file), script);
  const { stdout } = await run(process.execPath, [file], { cwd: folder });
  expect(stdout.trim()).toBe('function 0');
});

it.each([
  ['node16', 'node16', 'use.cts'],
  ['node16', 'node16', 'use.mts'],
  ['bundler', 'esnext', 'use-bundled.ts'],
])(
  'has types for moduleResolution %s and module %s in %s',
  async (moduleResolution, module, file) => {
    const source = `import { mcpoRouter, type McpoOptions, type McpoRouter } from 'express-mcpo';
    export const options: McpoOptions = { servers: { a: { command: 'node', args: undefined } }, apiKey: undefined };
    export const mcpo: McpoRouter = mcpoRouter(options);
    // @ts-expect-error a misspelt option
    mcpoRouter({ servers: {}, aipKey: 'x' });
    // @ts-expect-error forwarded headers need a server that takes headers
    mcpoRouter({ servers: { a: { command: 'node', forwardHeaders: ['x'] } } });
  `;
    await writeFile(path.join(folder, file), source);
    const options = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', '--target', 'es2022'];
    const args = [tsc, ...options, '--module', module, '--moduleResolution', moduleResolution, file];
    const { stdout } = await run(process.execPath, args, { cwd: folder }).catch(
      (error: unknown) => error as { stdout: string },
    );
    expect(stdout).toBe('');
  },
  60_000,
);
