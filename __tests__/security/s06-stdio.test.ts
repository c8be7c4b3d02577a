import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { until } from '../support/deferred';
import { PinoLike } from '../support/pino-like';
import { post } from '../support/post';
import { serving } from '../support/serve';
import { isRunning, scripted } from '../support/stdio';

const serve = serving();
const ONE = { pool: { minConnections: 1, maxConnections: 1 } };
let folder: string;
beforeEach(async () => (folder = await mkdtemp(path.join(tmpdir(), 'mcpo-s06-'))));
afterEach(() => rm(folder, { recursive: true }));

function child(args: readonly string[] = [], env = {}): { command: string; args: readonly string[]; env: object } {
  const { command, args: all } = scripted(args);
  return { command, args: all, env };
}

describe('S6: a server that is a child process', () => {
  it('gets a minimal environment and its own, nothing else of ours', async () => {
    process.env.MCPO_TEST_SECRET = 'of-the-app';
    try {
      const { url } = await serve({ servers: { child: child([], { OWN: 'yes' }) as never }, ...ONE });
      const env = (await post(`${url}/child/env`)).body as Record<string, string>;
      expect(env).toMatchObject({ OWN: 'yes', PATH: process.env.PATH });
      expect(env).not.toHaveProperty('MCPO_TEST_SECRET');
      const known = ['HOME', 'LOGNAME', 'PATH', 'SHELL', 'TERM', 'USER', 'OWN'];
      expect(Object.keys(env).filter((name) => !known.includes(name))).toEqual([]);
    } finally {
      delete process.env.MCPO_TEST_SECRET;
    }
  });

  it('is started without a shell: what one would run is an argument, or no command', async () => {
    const [one, two] = [path.join(folder, 'one'), path.join(folder, 'two')];
    const server = child(['good', `$(touch ${one}); touch ${one} | touch ${one}`]) as never;
    const log = new PinoLike();
    const { url } = await serve({ servers: { child: server, bad: { command: `touch ${two};` } }, ...ONE, logger: log });
    expect((await post(`${url}/child/echo`, { args: { text: 'hi; `id`' } })).body).toBe('hi; `id`');
    expect((await post(`${url}/bad/echo`)).status).toBe(503);
    expect([existsSync(one), existsSync(two)]).toEqual([false, false]);
    expect(log.entries('warn').map(({ message }) => message)).toContainEqual(expect.stringContaining('does not exist'));
  });

  it('is ended with what it has started, also what ignores SIGTERM', async () => {
    const { url, mcpo } = await serve({ servers: { child: child(['stubborn']) as never }, ...ONE });
    const pids = [
      (await post(`${url}/child/pid`)).body,
      (await post(`${url}/child/grandchild`, { args: { stdio: 'inherit' } })).body,
    ].map(Number);
    expect(pids.map(isRunning)).toEqual([true, true]);
    await mcpo.close();
    await until(() => !pids.some(isRunning));
  });

  it('that cannot run is tried again with growing pauses, and ends nothing else', async () => {
    const file = path.join(folder, 'missing');
    const { url, mcpo } = await serve({ servers: { dead: child(['dies']) as never, none: { command: file } }, ...ONE });
    const errors = (): number => mcpo.stats.servers.dead?.errors ?? 0;
    const answers = await Promise.all(Array.from({ length: 200 }, () => post(`${url}/dead/echo`)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
    expect(answers[0]?.header('retry-after')).toMatch(/^[1-9]\d*$/);
    // Two hundred calls have not started two hundred processes.
    expect(errors()).toBeLessThan(10);
    expect((await post(`${url}/none/echo`)).status).toBe(503);
  });

  it('that prints without end is read and logged only so far', async () => {
    const log = new PinoLike();
    const { url } = await serve({ servers: { child: child() as never }, ...ONE, logger: log });
    expect((await post(`${url}/child/flood`, { args: { megabytes: 20 } })).body).toBe('flooded');
    const logged = log.entries('debug').reduce((sum, { message }) => sum + message.length, 0);
    expect(logged).toBeLessThan(2 ** 20);
  });
});
