import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { until } from '../../support/deferred';
import type { SignalsApp } from '../../support/signals-app';
import { scripted } from '../../support/stdio';

// A whole app is started each time.
jest.setTimeout(30_000);

const support = path.join(__dirname, '../../support');
const modules = path.join(__dirname, '../../../node_modules');
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

let ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  ends = [];
});

/** An app in a process of its own, with a child that can be found by a word of its command line. */
interface App {
  readonly process: ChildProcess;
  readonly output: () => string;
  readonly children: () => readonly number[];
  /** Resolves when it says so. */
  readonly says: (word: string) => Promise<void>;
  /** Its exit code and signal, once it has ended. */
  readonly ended: Promise<unknown>;
}

function start(mode: string, more: Omit<SignalsApp, 'command' | 'args'> = {}): App {
  const word = `words-${randomUUID()}`;
  const { command, args } = scripted([mode, '', word]);
  const given = JSON.stringify({ command, args, ...more } satisfies SignalsApp);
  const preload = ['-r', path.join(support, 'transpile-on-load.js')];
  const app = spawn(process.execPath, [...preload, path.join(support, 'signals-app.ts'), given]);
  let output = '';
  app.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  app.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const children = (): readonly number[] => processesWith(word).filter((pid) => pid !== app.pid);
  ends.push(() => {
    app.kill('SIGKILL');
    for (const pid of children()) process.kill(pid, 'SIGKILL');
  });
  const says = (said: string): Promise<void> =>
    until(() => {
      if (app.exitCode !== null) throw new Error(`it has ended: ${output}`);
      return output.includes(said);
    }, 20_000);
  return { process: app, output: () => output, children, says, ended: once(app, 'exit') };
}

function processesWith(word: string): readonly number[] {
  return execFileSync('ps', ['-eww', '-o', 'pid=,stat=,args='], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(word) && !/^\s*\d+\s+Z/.test(line))
    .map((line) => Number.parseInt(line, 10));
}

describe.each(SIGNALS)('%s to an app that does not listen to it', (signal) => {
  it('ends the app by the signal, and a child that ignores the end of its input and SIGTERM', async () => {
    const app = start('stubborn');
    await app.says('ready');
    expect(app.children()).toHaveLength(1);
    app.process.kill(signal);
    expect(await app.ended).toEqual([null, signal]);
    await until(() => app.children().length === 0);
  });
});

it('a second signal does not wait for the children', async () => {
  const app = start('stubborn');
  await app.says('ready');
  app.process.kill('SIGINT');
  app.process.kill('SIGTERM');
  // Two signals that are pending at once may be delivered in either order.
  expect([
    [null, 'SIGINT'],
    [null, 'SIGTERM'],
  ]).toContainEqual(await app.ended);
  await until(() => app.children().length === 0);
});

it('a child that ends at SIGTERM is not waited for any longer', async () => {
  const app = start('polite');
  await app.says('ready');
  app.process.kill('SIGTERM');
  expect(await app.ended).toEqual([null, 'SIGTERM']);
  await until(() => app.children().length === 0);
});

it.each(['before', 'after'] as const)(
  'an app that listens to the signal, from %s the start of the child on, decides itself',
  async (listens) => {
    const app = start('stubborn', { listens });
    await app.says('ready');
    app.process.kill('SIGTERM');
    await app.says('heard');
    expect(app.children()).toHaveLength(1);
    // Nobody listens any more.
    app.process.kill('SIGTERM');
    expect(await app.ended).toEqual([null, 'SIGTERM']);
    await until(() => app.children().length === 0);
  },
);

it.each([
  ['3', 'signal-exit'],
  ['4', 'foreground-child/node_modules/signal-exit'],
])('version %s of signal-exit in the app is not taken for a listener that decides', async (version, name) => {
  const signalExit = path.join(modules, name);
  const manifest = JSON.parse(readFileSync(path.join(signalExit, 'package.json'), 'utf8')) as { version: string };
  expect(manifest.version.split('.')[0]).toBe(version);
  const app = start('stubborn', { signalExit });
  await app.says('ready');
  app.process.kill('SIGTERM');
  expect(await app.ended).toEqual([null, 'SIGTERM']);
  expect(app.output()).toContain('cleaned up');
  await until(() => app.children().length === 0);
});

it('two copies of this package in an app do not wait for each other', async () => {
  const app = start('stubborn', { twice: true });
  await app.says('ready');
  expect(app.children()).toHaveLength(2);
  app.process.kill('SIGTERM');
  expect(await app.ended).toEqual([null, 'SIGTERM']);
  await until(() => app.children().length === 0);
});

it('process.exit() at the moment when a child has been spawned leaves none behind', async () => {
  const app = start('stubborn', { exitsAtSpawn: true });
  expect(await app.ended).toEqual([0, null]);
  await until(() => app.children().length === 0);
});
