import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { promisify } from 'node:util';
import request from 'supertest';
import { until } from './support/deferred';

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
});
