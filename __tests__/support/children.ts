import { type ChildProcess, type ForkOptions, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

/** A program in a process of its own that answers each message with one. */
export class Child {
  readonly #process: ChildProcess;
  /** What it has written on standard error. */
  stderr = '';

  constructor(script: string, args: readonly string[] = [], options: ForkOptions = {}) {
    this.#process = fork(path.join(__dirname, script), args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], ...options });
    this.#process.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
  }

  /** Its next message. */
  async next<T>(): Promise<T> {
    const abort = new AbortController();
    const ended = once(this.#process, 'exit', abort).then(() => {
      throw new Error(`the program has ended: ${this.stderr}`);
    });
    try {
      const [message] = (await Promise.race([once(this.#process, 'message', abort), ended])) as [T];
      return message;
    } finally {
      ended.catch(() => undefined);
      abort.abort();
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
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }
}
