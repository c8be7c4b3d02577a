import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { HttpServerOptions } from '../../lib';
import { Ledger } from './ledger';

/** A real MCP server over streamable HTTP that writes down every execution, and can be killed and started again. */
export class HttpLedger extends Ledger {
  #child: ChildProcessByStdio<null, Readable, null> | undefined;
  #port = 0;

  constructor() {
    super('http-ledger.js');
  }

  /** For `servers`, once it has been started. */
  get web(): HttpServerOptions {
    return { type: 'streamable-http', url: `http://127.0.0.1:${this.#port}/mcp` };
  }

  /** Starts it, at the port it had before if it has run before. Resolves when it listens. */
  async start(): Promise<void> {
    const { command, args } = this.server;
    this.#child = spawn(command, [...args, String(this.#port)], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#port = await this.#heard(this.#child);
  }

  /** Kills it; resolves when it is dead. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** Makes it forget all sessions; resolves with how many they were. */
  async forget(): Promise<number> {
    const child = this.#child;
    if (!child) throw new Error('it has not been started');
    const count = this.#heard(child);
    child.kill('SIGUSR2');
    return count;
  }

  /** Kills it and removes its file. */
  async end(): Promise<void> {
    await this.kill();
    this.remove();
  }

  async #heard({ stdout }: ChildProcessByStdio<null, Readable, null>): Promise<number> {
    const [said] = (await once(stdout, 'data')) as [Buffer];
    return Number(said.toString());
  }
}
