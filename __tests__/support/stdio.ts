import { execFileSync } from 'node:child_process';
import path from 'node:path';
import type { CallOptions } from '../../lib/mcp/session/pending-call';
import type { Connection } from '../../lib/mcp/session/connection';
import type { Logger } from '../../lib/util/logger';
import type { OpenOptions } from '../../lib/mcp/session/handshake';
import type { StdioSpec } from '../../lib/mcp/transport-spec';
import { BufferedBytes } from '../../lib/util/buffered-bytes';
import { silent } from './loggers';

const SERVER = path.join(__dirname, 'servers/stdio-server.js');

/** How the scripted server is started; `args` are its mode, and what it says on standard error. */
export function scripted(args: readonly string[] = [], more: Partial<StdioSpec> = {}): StdioSpec {
  return { kind: 'stdio', command: process.execPath, args: [SERVER, ...args], env: {}, ...more };
}

export function openOptions(more: Partial<OpenOptions> = {}): OpenOptions {
  return {
    buffers: new BufferedBytes(Infinity),
    connectTimeoutMs: 10_000,
    headers: {},
    logger: silent,
    signal: new AbortController().signal,
    ...more,
  };
}

/** Limits for a call that is not about limits. */
export function callOptions(more: Partial<CallOptions> = {}): CallOptions {
  return { signal: new AbortController().signal, timeoutMs: 20_000, maxTotalTimeoutMs: 20_000, ...more };
}

/** Calls a tool; returns the text of its answer. */
export async function textOf(
  connection: Connection,
  tool: string,
  args: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const { content } = await connection.call(tool, args, callOptions());
  const [item] = content;
  if (item?.type !== 'text') throw new Error(`the answer is no text: ${JSON.stringify(content)}`);
  return item.text;
}

/** Whether a process runs; one that has ended and waits for its parent to notice does not. */
export function isRunning(pid: number): boolean {
  try {
    const state = execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return state !== '' && !state.startsWith('Z');
  } catch {
    return false; // ps fails when there is no such process
  }
}

/** Keeps what is logged. */
export class LogBook implements Logger {
  readonly debugs: string[] = [];
  readonly infos: string[] = [];
  readonly warnings: string[] = [];
  readonly debug = (text: string): void => void this.debugs.push(text);
  readonly warn = (text: string): void => void this.warnings.push(text);
  readonly info = (text: string): void => void this.infos.push(text);
  readonly error = (): void => undefined;
}
