import type { ChildProcess } from 'node:child_process';
import { statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { getDefaultEnvironment } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import spawn from 'cross-spawn';
import type { BufferedBytes } from '../../util/buffered-bytes';
import type { Logger } from '../../util/logger';
import { parseJson } from '../../util/exact-json';
import { isObject } from '../../util/json-object';
import { shortageOf } from '../../util/shortage';
import { withTimeout } from '../../util/timeout';
import { INVALID_MESSAGE, connectionGone } from '../session/failures';
import { asMessage, brokenAnswer, cancelledId, idOfEdges } from '../json-rpc';
import { type LineEdges, LineSplitter } from './line-splitter';
import { LineWriter } from './line-writer';
import { HAS_GROUPS, forget, killGroup, watchOver } from './process-group';
import { Stderr } from './stderr';
import type { StdioSpec } from '../transport-spec';

const MAX_MESSAGE_BYTES = 64 * 1_048_576;
const GRACE_MS = 1_000;
// After a child has exited, its remaining output is read, but not for ever: a descendant may keep the pipe open.
const DRAIN_MS = 250;
// Node reads this much at a time.
const FULL_CHUNK = 65_536;
const MAX_WARNINGS = 5;
const ANSWER_FIELDS: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'result', 'error']);

/**
 * A child process in a process group of its own, with one JSON-RPC message per line on its standard input and output (MCP
 * specification, "stdio").
 */
export class StdioTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  /** Called when it is no longer {@link full}. */
  onroom?: () => void;
  readonly #spec: StdioSpec;
  readonly #logger: Logger;
  readonly #buffers: BufferedBytes;
  readonly #lines = new LineSplitter(MAX_MESSAGE_BYTES, (line) => this.#skipped(line));
  #child: ChildProcess | undefined;
  #stdin: LineWriter | undefined;
  #stderr: Stderr | undefined;
  #invalidLines = 0;
  #ended: Promise<void> | undefined;
  #isEnded = false;
  #isClosing = false;
  #exit: string | undefined;

  constructor(spec: StdioSpec, logger: Logger, buffers: BufferedBytes) {
    this.#spec = spec;
    this.#buffers = buffers;
    this.#logger = logger;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Whether the child does not read what has been sent to it, so that no more calls should come. */
  get full(): boolean {
    return this.#stdin?.full ?? false;
  }

  /** How the child ended by itself, such as `with exit code 3`; `undefined` if it did not. */
  get exit(): string | undefined {
    return this.#exit;
  }

  /** The last output, for the log only: it may explain a failed start. */
  get output(): string {
    const note = this.#invalidLines > 0 ? 'it prints other things than MCP messages on its standard output. ' : '';
    return `${note}${this.#stderr?.tail ?? ''}`.trim();
  }

  start(): Promise<void> {
    const { command, args, env, cwd } = this.#spec;
    return new Promise((resolve, reject) => {
      // Node's own error would say that the command does not exist.
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
      if (child.pid !== undefined) watchOver(child);
      this.#ended = new Promise((ended) => {
        let drain: NodeJS.Timeout | undefined;
        const end = (): void => {
          if (this.#isEnded) return;
          this.#isEnded = true;
          clearTimeout(drain);
          killGroup(child, 'SIGKILL');
          forget(child);
          // Descendants out of reach may hold the other ends, which must not keep this process alive.
          for (const pipe of pipesOf(child)) pipe?.destroy();
          this.#buffers.arrive(-this.#lines.held);
          ended();
          this.onclose?.();
        };
        child.on('error', (error: NodeJS.ErrnoException) => {
          reject(spawnError(command, error));
          // Without a process there is no `exit` event.
          if (child.pid === undefined) end();
        });
        child.once('close', end);
        child.once('exit', (code, signal) => {
          if (!this.#isClosing) this.#exit = code === null ? `by ${String(signal)}` : `with exit code ${code}`;
          drain = setTimeout(end, DRAIN_MS).unref();
        });
      });
      child.once('spawn', resolve);
      if (child.stdin) this.#stdin = new LineWriter(child.stdin, () => this.onroom?.(), this.#buffers);
      if (child.stdout) readFairly(child.stdout, (chunk) => this.#read(chunk), this.#buffers);
      child.stdin?.on('error', (error) => {
        this.onerror?.(error);
        // The child can receive nothing any more.
        void this.close();
      });
      child.stdout?.on('error', (error) => this.onerror?.(error));
      if (child.stderr) this.#stderr = new Stderr(child.stderr, this.#logger, command);
    });
  }

  /**
   * Writes a message. A cancelled request that is not yet written is not written at all.
   *
   * @throws McpoError MCPO_SERVER_DOWN if the child has ended, so that nothing was written
   */
  async send(message: JSONRPCMessage): Promise<void> {
    if (!this.#stdin?.writable || this.#isEnded) throw connectionGone('the MCP server has ended');
    const cancelled = cancelledId(message);
    if (cancelled !== undefined && this.#stdin.withdraw(cancelled)) return;
    await this.#stdin.write(message);
  }

  /** Ends the child and its descendants: closes its input, then sends SIGTERM, then SIGKILL. */
  async close(): Promise<void> {
    const child = this.#child;
    const ended = this.#ended;
    this.#isClosing = true;
    if (!child || !ended || this.#isEnded) return;
    child.stdin?.end();
    if (await within(ended, GRACE_MS)) return;
    killGroup(child, 'SIGTERM');
    if (await within(ended, GRACE_MS)) return;
    killGroup(child, 'SIGKILL');
    await ended;
  }

  #read(chunk: Buffer): void {
    if (this.#isEnded) return;
    const before = this.#lines.held;
    for (const line of this.#lines.push(chunk)) this.#receive(line);
    this.#buffers.arrive(this.#lines.held - before);
    if (!this.#buffers.full || this.#buffers.mustWait) return;
    // Messages that are not complete fill the router, and none of them can be waited for.
    this.#buffers.arrive(-this.#lines.held);
    this.#lines.skip();
  }

  #skipped({ head, tail }: LineEdges): void {
    const id = idOfEdges(head, tail);
    this.#logger.warn(
      `mcpo: ${this.#spec.command} prints a line of more than ${MAX_MESSAGE_BYTES} bytes, or more than there is room for ` +
        `(maxBufferedBytes); it is skipped${id === undefined ? ', and its call is not known' : ''}`,
    );
    if (id === undefined) return;
    this.onmessage?.({ jsonrpc: '2.0', id, error: { code: -32603, message: 'too long', data: INVALID_MESSAGE } });
  }

  #receive(line: string): void {
    if (line.trim() === '') return;
    let message: unknown;
    try {
      message = parseJson(line);
    } catch {
      this.#warn(line);
      const broken = brokenAnswer(line);
      if (broken) this.onmessage?.(broken);
      return;
    }
    const known = isLogLine(message) ? undefined : asMessage(message);
    if (known) this.onmessage?.(known);
    else this.#warn(line);
  }

  #warn(line: string): void {
    this.#invalidLines += 1;
    if (this.#invalidLines > MAX_WARNINGS) return;
    this.#logger.warn(
      `mcpo: ${this.#spec.command} prints a line that is no MCP message: ${JSON.stringify(line.slice(0, 200))}`,
    );
  }
}

/** Whether it is an object with an `id` of its own, and no answer that only lacks its version. */
function isLogLine(value: unknown): boolean {
  if (!isObject(value) || value.jsonrpc === '2.0') return false;
  const isAnswer = 'result' in value || 'error' in value;
  return !isAnswer || Object.keys(value).some((key) => !ANSWER_FIELDS.has(key));
}

/** Node throws some errors, and emits others. */
function started(command: string, start: () => ChildProcess): ChildProcess {
  try {
    return start();
  } catch (error) {
    throw spawnError(command, error as NodeJS.ErrnoException);
  }
}

/** Despite the types, there are no pipes if there were no file descriptors. */
function pipesOf(child: ChildProcess): Iterable<ChildProcess['stdio'][number]> {
  return (child as { readonly stdio?: ChildProcess['stdio'] }).stdio ?? [];
}

const SPAWN_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'may not be executed',
};

function spawnError(command: string, error: NodeJS.ErrnoException): Error {
  const { code = '' } = error;
  const shortage = shortageOf(code);
  const why = shortage ? `: ${shortage.what}; ${shortage.remedy}` : '';
  return new Error(`the command ${command} ${SPAWN_ERRORS[code] ?? `cannot be started${why}`}`, { cause: error });
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function within(ended: Promise<void>, ms: number): Promise<boolean> {
  const late = (): Error => new Error('still running');
  return withTimeout(ended, ms, late).then(
    () => true,
    () => false,
  );
}

/**
 * Reads a pipe, and yields to other work after each full chunk: Node reads up to 32 of them in a row. Waits while the router
 * holds too much that is leaving.
 */
function readFairly(pipe: Readable, onChunk: (chunk: Buffer) => void, buffers: BufferedBytes): void {
  pipe.on('data', (chunk: Buffer) => {
    onChunk(chunk);
    const { mustWait } = buffers;
    if (chunk.length < FULL_CHUNK && !mustWait) return;
    pipe.pause();
    const resume = (): void => void pipe.resume();
    if (mustWait) buffers.onRoom(resume);
    else setImmediate(resume);
  });
}
