import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import request from 'supertest';
import { until } from './support/deferred';
import { descendants, isRunning } from './support/example-process';

const root = path.join(__dirname, '..');
const PORT = 18_650;

/** Starts an example as a user does. */
function start(
  example: string,
  env: NodeJS.ProcessEnv,
): { readonly child: ChildProcess; readonly output: () => string } {
  const preload = ['-r', 'ts-node/register/transpile-only', '-r', path.join(__dirname, 'support/resolve-self.js')];
  const child = spawn(process.execPath, [...preload, path.join('examples', example)], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const read = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  child.stdout.on('data', read);
  child.stderr.on('data', read);
  return { child, output: () => output };
}

describe('the quickstart', () => {
  const url = `http://127.0.0.1:${PORT}`;
  let app: ReturnType<typeof start>;

  beforeAll(async () => {
    app = start('quickstart/server.ts', { PORT: String(PORT) });
    await until(() => {
      if (app.child.exitCode !== null) throw new Error(app.output());
      return app.output().includes('Ctrl-C');
    }, 60_000);
  }, 70_000);

  it('prints the mounted tools', () => {
    const routes = ['everything/echo', 'everything/get-sum', 'files/list_directory', 'web/get-sum'];
    for (const route of routes) expect(app.output()).toContain(`  POST /mcp/${route}\n`);
  });

  it('prints three calls that work', async () => {
    const lines = app.output().match(/^ {2}curl .*$/gm) ?? [];
    const answers: unknown[] = [];
    for (const line of lines) {
      const { stdout } = await promisify(execFile)('bash', ['-c', `${line} --silent --fail --noproxy '*'`]);
      answers.push(JSON.parse(stdout));
    }
    expect(answers).toEqual([
      'Echo: hi',
      { content: expect.stringContaining('[FILE] welcome.txt') },
      'The sum of 2 and 40 is 42.',
    ]);
  });

  it.each([
    ['everything/echo', { message: 'hi' }, 200, 'Echo: hi'],
    ['everything/get-sum', { a: 2, b: 40 }, 200, 'The sum of 2 and 40 is 42.'],
    ['files/list_directory', { path: '.' }, 200, { content: '[FILE] welcome.txt' }],
    ['web/echo', { message: 'over HTTP' }, 200, 'Echo: over HTTP'],
  ])('answers POST /mcp/%s', async (route, args, status, body) => {
    const response = await request(url).post(`/mcp/${route}`).send(args);
    expect([response.status, response.body]).toEqual([status, body]);
  });

  it('reads a file again that was changed outside', async () => {
    const file = path.join(root, 'examples/quickstart/files/changed-outside.txt');
    const read = async (): Promise<unknown> =>
      (await request(url).post('/mcp/files/read_text_file').send({ path: 'changed-outside.txt' })).body;
    try {
      for (const content of ['one', 'two']) {
        await writeFile(file, content);
        expect(await read()).toEqual({ content });
      }
    } finally {
      await rm(file);
    }
  });

  it('has pages: its own, the description, the docs and the health', async () => {
    expect((await request(url).get('/')).text).toContain('mcp/docs');
    expect((await request(url).get('/mcp/docs')).text).toContain('swagger-ui');
    expect((await request(url).get('/mcp/web/openapi.json')).body).toMatchObject({ openapi: '3.1.0' });
    expect((await request(url).get('/mcp/health')).body).toMatchObject({ status: 'healthy' });
  });

  it('ends at Ctrl-C, with everything that it has started', async () => {
    const { stdout: before } = await promisify(execFile)('ps', ['-o', 'pid=', '--ppid', String(app.child.pid)]);
    const children = before.trim().split(/\s+/).map(Number);
    expect(children.length).toBeGreaterThanOrEqual(3);
    app.child.kill('SIGINT');
    const [code] = (await once(app.child, 'exit')) as [number | null];
    expect(code).toBe(0);
    for (const child of children) expect(() => process.kill(child, 0)).toThrow('ESRCH');
  }, 30_000);

  afterAll(() => {
    app.child.kill('SIGKILL');
  });

  it('leaves nothing behind when its port is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { child, output } = start('quickstart/server.ts', { PORT: String(port) });
    const seen = new Set<number>();
    const watch = setInterval(() => descendants(child.pid ?? 0).forEach((pid) => seen.add(pid)), 50);
    expect(await once(child, 'exit')).toEqual([1, null]);
    clearInterval(watch);
    other.close();
    expect(output()).toContain('EADDRINUSE');
    const left = [...seen].filter(isRunning);
    for (const pid of left) process.kill(pid, 'SIGKILL');
    expect(left).toEqual([]);
  }, 60_000);
});

describe('npm start', () => {
  it('ends with everything that it has started when npm alone gets SIGTERM', async () => {
    // A copy: it makes a build, while other tests may use the one that is there.
    const copy = await mkdtemp(path.join(tmpdir(), 'mcpo-start-'));
    for (const name of ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'lib', 'examples', 'assets']) {
      await cp(path.join(root, name), path.join(copy, name), { recursive: true });
    }
    await symlink(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));
    const npm = spawn('npm', ['start'], { cwd: copy, env: { ...process.env, PORT: String(PORT + 1) } });
    let output = '';
    npm.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    npm.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await until(() => {
      if (npm.exitCode !== null) throw new Error(output);
      return output.includes('Ctrl-C ends it');
    }, 100_000);
    const started = descendants(npm.pid ?? 0);
    expect(started.length).toBeGreaterThanOrEqual(4);
    npm.kill('SIGTERM');
    await once(npm, 'exit');
    try {
      await until(() => !started.some(isRunning));
    } finally {
      for (const pid of started.filter(isRunning)) process.kill(pid, 'SIGKILL');
      await rm(copy, { recursive: true });
    }
  }, 120_000);
});
