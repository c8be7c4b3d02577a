import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { until } from '../../support/deferred';
import { headerServer } from '../../support/header-server';
import type { OneCall } from '../../support/one-call';
import { isRunning, scripted } from '../../support/stdio';

// A whole app is compiled each time.
jest.setTimeout(30_000);

const APP = path.join(__dirname, '../../support/one-call.ts');

let ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  ends = [];
});

/** How an app ended. */
interface Run {
  /** What the tool answered. */
  readonly body: unknown;
  readonly code: number | null;
  readonly stderr: string;
}

/** Runs an app that makes one call, until it has exited by itself. */
async function run(call: OneCall): Promise<Run> {
  const app = spawn(process.execPath, ['-r', 'ts-node/register/transpile-only', APP, JSON.stringify(call)]);
  ends.push(() => app.kill('SIGKILL'));
  let [stdout, stderr] = ['', ''];
  app.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  app.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(app, 'close')) as [number | null];
  if (!stdout.startsWith('{"status":200,')) throw new Error(`there was no answer, but ${stdout}${stderr}`);
  return { body: (JSON.parse(stdout) as { body: unknown }).body, code, stderr };
}

/** The scripted server as an entry of the options. */
function child(mode = 'good'): OneCall['servers'] {
  const { command, args } = scripted([mode]);
  return { lab: { command, args } };
}

/** The process whose id was answered, which is ended after the test whatever became of it. */
function processOf({ body }: Run): number {
  const pid = Number(body);
  expect(pid).toBeGreaterThan(1);
  ends.push(() => {
    if (isRunning(pid)) process.kill(pid, 'SIGKILL');
  });
  return pid;
}

describe('an app that has closed its router exits by itself', () => {
  it.each(['good', 'stubborn'])(
    'and so does its %s child',
    async (mode) => {
      const ended = await run({ servers: child(mode), path: '/lab/pid', end: 'close' });
      expect(ended).toMatchObject({ code: 0, stderr: '' });
      await until(() => !isRunning(processOf(ended)));
    },
    20_000,
  );

  it('although something that its child has put out of reach still holds the pipes', async () => {
    const args = { stdio: 'inherit', detached: true };
    const ended = await run({ servers: child(), path: '/lab/grandchild', args, end: 'close' });
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(isRunning(processOf(ended))).toBe(true);
  });

  it.each([
    ['streamable HTTP', 'streamable-http', '/mcp'],
    ['SSE', 'sse', '/sse'],
  ] as const)(
    'that has spoken %s with a server that goes on',
    async (_what, type, at) => {
      const upstream = await headerServer();
      ends.push(upstream.close);
      const servers = { web: { type, url: upstream.url + at } };
      const ended = await run({ servers, path: '/web/headers', end: 'close' });
      expect(ended).toMatchObject({ code: 0, stderr: '', body: { session: expect.any(String) } });
    },
    20_000,
  );
});

describe('an app that ends without closing its router', () => {
  it.each([
    ['by process.exit()', 'exit', 0],
    ['by an error', 'error', 1],
  ] as const)(
    '%s leaves no child behind',
    async (_what, end, code) => {
      const ended = await run({ servers: child('stubborn'), path: '/lab/pid', end });
      expect(ended.code).toBe(code);
      await until(() => !isRunning(processOf(ended)));
    },
    20_000,
  );
});
