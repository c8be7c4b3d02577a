import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { until } from './deferred';

const preload = path.join(__dirname, 'transpile-on-load.js');

/** A program of `examples/cluster` in a process of its own, with those that it starts. */
export class ExampleProcess {
  readonly #child: ChildProcess;
  /** What it has written so far. */
  output = '';

  constructor(file: string, env: Readonly<Record<string, string | number>>) {
    const settings = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, String(value)]));
    this.#child = spawn(process.execPath, ['-r', preload, path.join(__dirname, '../../examples/cluster', file)], {
      env: { ...process.env, ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Waits until it has written this so often. */
  async says(text: string, times = 1, withinMs = 50_000): Promise<void> {
    await until(() => {
      if (this.#child.exitCode !== null) throw new Error(`it has ended: ${this.output}`);
      return this.output.split(text).length > times;
    }, withinMs).catch((error: unknown) => {
      throw new Error(`${text} is not in: ${this.output}`, { cause: error });
    });
  }

  /** The numbers that follow a word in what it has written. */
  numbersAfter(word: string): readonly number[] {
    return [...this.output.matchAll(new RegExp(`${word} (\\d+) listens`, 'g'))].map(([, number]) => Number(number));
  }

  /** Asks it to end; its exit code and signal. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<unknown> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return [exitCode, signalCode];
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    const force = setTimeout(() => {
      for (const pid of [...descendants(this.pid), this.pid]) process.kill(pid, 'SIGKILL');
    }, 20_000);
    const codes = await ended;
    clearTimeout(force);
    return codes;
  }
}

/** The ids of all processes that one has started, and those have. */
export function descendants(pid: number): readonly number[] {
  const rows = execFileSync('ps', ['-e', '-o', 'pid=,ppid=']).toString().trim().split('\n');
  const processes = rows.map((row) => row.trim().split(/\s+/).map(Number));
  const below = (parent: number): number[] =>
    processes.flatMap(([id = 0, of]) => (of === parent ? [id, ...below(id)] : []));
  return below(pid);
}

/** Whether a process runs; one that has ended and is not yet forgotten does not. */
export function isRunning(pid: number): boolean {
  const file = `/proc/${pid}/stat`;
  try {
    return existsSync(file) && !/\) Z /.test(readFileSync(file, 'utf8'));
  } catch {
    return false;
  }
}
