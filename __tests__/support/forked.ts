import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

/** A script of ours in a process of its own, which answers each message with one. */
export class Forked {
  readonly #process: ChildProcess;
  /** What it has written on standard error. */
  stderr = '';

  /**
   * @param script - its path from here; one in TypeScript is compiled as it is loaded
   * @param descriptors - how many files and sockets it may have open
   */
  constructor(script: string, args: readonly string[] = [], descriptors?: number) {
    const typescript = script.endsWith('.ts') ? ['-r', 'ts-node/register/transpile-only'] : [];
    const limit = ['-c', `ulimit -c 0; ulimit -n ${descriptors}; exec "$0" "$@"`, process.execPath];
    this.#process = fork(path.join(__dirname, script), args, {
      ...(descriptors !== undefined && { execPath: '/bin/sh' }),
      execArgv: [...(descriptors === undefined ? [] : limit), '--expose-gc', ...typescript],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#process.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
  }

  /** Its process id. */
  get pid(): number {
    return this.#process.pid ?? NaN;
  }

  /** Resolves when it has ended, with its exit code. */
  async exited(): Promise<number | null> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) await once(this.#process, 'exit');
    return this.#process.exitCode;
  }

  /** Its next message. */
  async next<T>(): Promise<T> {
    const heard = new AbortController();
    const ended = once(this.#process, 'exit', heard).then(() => {
      throw new Error(`the process has ended: ${this.stderr}`);
    });
    try {
      const [message] = (await Promise.race([once(this.#process, 'message', heard), ended])) as [T];
      return message;
    } finally {
      ended.catch(() => undefined);
      heard.abort();
    }
  }

  /** Its answer to a message. */
  async ask<T>(message: string): Promise<T> {
    const answer = this.next<T>();
    this.#process.send(message);
    return answer;
  }

  /** Ends it. */
  async end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }
}
