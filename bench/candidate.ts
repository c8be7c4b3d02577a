import { type ChildProcess, fork, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Usage } from './apps/child';

const READY_MS = 30_000;
/** Where `npm run bench:setup` puts mcpo. */
export const MCPO = join(__dirname, '..', '.venv', 'bin', 'mcpo');

/** One of those that are compared: how it is started. */
export interface Candidate {
  /** As it stands in the tables. */
  readonly name: string;
  /** A file of `apps/`, or `mcpo`. */
  readonly app: 'express-mcpo' | 'by-hand' | 'constant' | 'mcpo';
  /** What the app is told. */
  readonly settings: object;
}

/** A candidate that runs. */
export interface Running {
  readonly candidate: Candidate;
  readonly url: string;
  /** What it has used so far; `undefined` of a candidate that cannot be asked. */
  readonly usage: (about?: 'heap') => Promise<(Usage & Record<string, unknown>) | undefined>;
  readonly stop: () => Promise<void>;
}

/** Whether a candidate can be started at all on this machine. */
export function isInstalled({ app }: Candidate): boolean {
  return app !== 'mcpo' || existsSync(MCPO);
}

/** Starts a candidate in a process of its own. */
export function start(candidate: Candidate): Promise<Running> {
  return candidate.app === 'mcpo' ? startMcpo(candidate) : startApp(candidate);
}

async function startApp(candidate: Candidate): Promise<Running> {
  const file = join(__dirname, 'apps', `${candidate.app}.js`);
  const child = fork(file, [JSON.stringify(candidate.settings)], { execArgv: ['--expose-gc'] });
  const { port } = await message<{ port: number }>(child);
  return {
    candidate,
    url: `http://127.0.0.1:${port}`,
    usage: (about) => {
      const answer = message<Usage & Record<string, unknown>>(child);
      child.send(about ?? 'usage');
      return answer;
    },
    stop: () => {
      const ended = exit(child);
      child.disconnect();
      return ended;
    },
  };
}

/** mcpo serves one command at the root of its own port. */
async function startMcpo(candidate: Candidate): Promise<Running> {
  const { command, args } = candidate.settings as { command: string; args: string[] };
  const port = await freePort();
  const options = ['--host', '127.0.0.1', '--port', String(port), '--log-level', 'error', '--', command, ...args];
  const child = spawn(MCPO, options, { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + READY_MS;
  while (!(await isUp(`${url}/openapi.json`))) {
    if (Date.now() > deadline || child.exitCode !== null) {
      child.kill();
      throw new Error('mcpo does not start');
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    candidate,
    url,
    usage: () => Promise.resolve(undefined),
    stop: () => {
      const ended = exit(child);
      child.kill('SIGTERM');
      return ended;
    },
  };
}

async function isUp(url: string): Promise<boolean> {
  return fetch(url).then(
    (response) => response.ok,
    () => false,
  );
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

function message<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const failed = (): void => reject(new Error('a candidate ended'));
    child.once('exit', failed);
    child.once('message', (value) => {
      child.off('exit', failed);
      resolve(value as T);
    });
  });
}

function exit(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once('exit', () => resolve());
  });
}
