import type { ChildProcess } from 'node:child_process';
import { statSync } from 'node:fs';
import { getDefaultEnvironment } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import spawn from 'cross-spawn';
import type { Logger } from '../../util/logger';
import { connectionGone } from '../session/failures';
import { asMessage } from '../json-rpc';
import { LineSplitter } from './line-splitter';
import { LineWriter } from './line-writer';
import { HAS_GROUPS, forget, killGroup, watchOver } from './process-group';
import { Stderr } from './stderr';
import type { StdioSpec } from '../transport-spec';
import { readFairly } from './fair-read';

const MAX_MESSAGE_BYTES = 64 * 1_048_576;
const GRACE_MS = 1_000;
// What a child has written before it died is still read, unless something it has started keeps the pipe open.
const LAST_WORDS_MS = 250;
const MAX_WARNINGS = 5;

/**
 * Speaks MCP with a child process in a process group of its own: one JSON-RPC message a line on its standard input and
 * output (MCP specification, "stdio").
 */
export class StdioTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #spec: StdioSpec;
  readonly #logger: Logger;
  readonly #lines = new LineSplitter(MAX_MESSAGE_BYTES);
  #child: ChildProcess | undefined;
  #stdin: LineWriter | undefined;
  #stderr: Stderr | undefined;
  #rubbish = 0;
  #ended: Promise<void> | undefined;
  #isEnded = false;

  constructor(spec: StdioSpec, logger: Logger) {
    this.#spec = spec;
    this.#logger = logger;
  }

  /** The process id of the child, once it runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Why a server may have failed to start: what it printed, for the operator's log alone. */
  get lastWords(): string {
    const rubbish = this.#rubbish > 0 ? 'it prints something else than MCP messages on its standard output. ' : '';
    return `${rubbish}${this.#stderr?.tail ?? ''}`.trim();
  }

  /** Starts the child. */
  start(): Promise<void> {
    const { command, args, env, cwd } = this.#spec;
    return new Promise((resolve, reject) => {
      // Node would say of this that the command does not exist.
      if (cwd !== undefined && !isDirectory(cwd)) throw new Error(`there is no directory ${cwd} to start it in`);
      const child = started(command, () =>
        spawn(command, [...args], {
          env: { ...getDefaultEnvironment(), ...env },
          stdio: ['pipe', 'pipe', 'pipe'],
          detached: HAS_GROUPS,
          shell: false,
          windowsHide: true,
          ...(cwd !== undefined && { cwd }),
        }),
      );
      this.#child = child;
      this.#ended = new Promise((ended) => {
        let lastWords: NodeJS.Timeout | undefined;
        const end = (): void => {
          if (this.#isEnded) return;
          this.#isEnded = true;
          clearTimeout(lastWords);
          killGroup(child, 'SIGKILL');
          forget(child);
          // What is out of reach may hold the other ends, and must not keep this process alive.
          for (const pipe of pipesOf(child)) pipe?.destroy();
          ended();
          this.onclose?.();
        };
        child.on('error', (error: NodeJS.ErrnoException) => {
          reject(spawnError(command, error));
          // No process: there will be no exit.
          if (child.pid === undefined) end();
        });
        child.once('close', end);
        child.once('exit', () => (lastWords = setTimeout(end, LAST_WORDS_MS).unref()));
      });
      child.once('spawn', () => {
        watchOver(child);
        resolve();
      });
      if (child.stdin) this.#stdin = new LineWriter(child.stdin);
      if (child.stdout) readFairly(child.stdout, (chunk) => this.#read(chunk));
      child.stdin?.on('error', (error) => {
        this.onerror?.(error);
        // It hears nothing any more.
        void this.close();
      });
      child.stdout?.on('error', (error) => this.onerror?.(error));
      if (child.stderr) this.#stderr = new Stderr(child.stderr, this.#logger, command);
    });
  }

  /**
   * Writes a message; resolves when the child can take more.
   *
   * @throws McpoError MCPO_SERVER_DOWN when the child is gone, so that nothing was written
   */
  async send(message: JSONRPCMessage): Promise<void> {
    if (!this.#stdin?.writable || this.#isEnded) throw connectionGone('the MCP server has ended');
    await this.#stdin.write(message);
  }

  /** Ends the child and what it has started: by closing its input, then by SIGTERM, then by SIGKILL. */
  async close(): Promise<void> {
    const child = this.#child;
    const ended = this.#ended;
    if (!child || !ended || this.#isEnded) return;
    child.stdin?.end();
    if (await within(ended, GRACE_MS)) return;
    killGroup(child, 'SIGTERM');
    if (await within(ended, GRACE_MS)) return;
    killGroup(child, 'SIGKILL');
    await ended;
  }

  #read(chunk: Buffer): void {
    try {
      for (const line of this.#lines.push(chunk)) this.#receive(line);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.onerror?.(error);
      if (this.#child) killGroup(this.#child, 'SIGKILL');
    }
  }

  #receive(line: string): void {
    if (line.trim() === '') return;
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      this.#warn(line);
      return;
    }
    const known = asMessage(message);
    if (known) this.onmessage?.(known);
    else this.#warn(line);
  }

  #warn(line: string): void {
    this.#rubbish += 1;
    if (this.#rubbish > MAX_WARNINGS) return;
    this.#logger.warn(
      `mcpo: ${this.#spec.command} prints what is no MCP message: ${JSON.stringify(line.slice(0, 200))}`,
    );
  }
}

/** Of some errors Node tells by an event, others it throws. */
function started(command: string, start: () => ChildProcess): ChildProcess {
  try {
    return start();
  } catch (error) {
    throw spawnError(command, error as NodeJS.ErrnoException);
  }
}

/** There are none where there were no file descriptors for them, whatever the types say. */
function pipesOf(child: ChildProcess): Iterable<ChildProcess['stdio'][number]> {
  return (child as { readonly stdio?: ChildProcess['stdio'] }).stdio ?? [];
}

const SPAWN_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'may not be executed',
  EMFILE: 'cannot be started: no file descriptors left (EMFILE)',
  ENFILE: 'cannot be started: no file descriptors left (ENFILE)',
  EAGAIN: 'cannot be started: no more processes are allowed (EAGAIN)',
  ENOMEM: 'cannot be started: no memory left (ENOMEM)',
};

function spawnError(command: string, error: NodeJS.ErrnoException): Error {
  return new Error(`the command ${command} ${SPAWN_ERRORS[error.code ?? ''] ?? 'cannot be started'}`, { cause: error });
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

async function within(ended: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, ms, false).unref();
  });
  const result = await Promise.race([ended.then(() => true), timeout]);
  clearTimeout(timer);
  return result;
}
