import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { StdioServerOptions } from '../../lib';

/** What the ledger server has written down of one execution: its beginning, its end, or that it was cancelled. */
export interface LedgerLine {
  readonly event: 'begin' | 'end' | 'cancelled';
  readonly name: string;
  readonly op?: string;
  readonly execution: string;
  /** The state that was read, or made. */
  readonly version?: number;
}

/** A real MCP server over stdio that writes down every execution. */
export class Ledger {
  readonly #script: string;
  readonly #modes: readonly string[];
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'mcpo-ledger-'));
  readonly #file = path.join(this.#folder, 'ledger.jsonl');

  /**
   * @param script - which server, in `servers/`
   * @param modes - `own`: each process has a state of its own. `lies`: two more tools, whose annotations are wrong
   */
  constructor(script = 'ledger.js', modes: readonly string[] = []) {
    this.#modes = modes;
    this.#script = path.join(__dirname, 'servers', script);
    writeFileSync(this.#file, '');
  }

  /** For `servers`. */
  get server(): StdioServerOptions & { readonly command: string; readonly args: readonly string[] } {
    return { command: process.execPath, args: [this.#script, this.#file, ...this.#modes] };
  }

  /** All that has been written down so far. */
  lines(): readonly LedgerLine[] {
    const lines = readFileSync(this.#file, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as LedgerLine);
  }

  /** How often an event has been written down. */
  count(event: LedgerLine['event']): number {
    return this.lines().filter((line) => line.event === event).length;
  }

  /** How often the call `op` has been executed. */
  executions(op: string): number {
    return this.lines().filter((line) => line.event === 'begin' && line.op === op).length;
  }

  /** Forgets what has been written down. */
  clear(): void {
    writeFileSync(this.#file, '');
  }

  /** Removes the file. */
  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
