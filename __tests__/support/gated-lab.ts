import type { CallToolResult, Tool } from '@modelcontextprotocol/sdk/types.js';
import type { CustomServerOptions } from '../../lib';
import { type Deferred, deferred } from './deferred';
import { Lab, text } from './lab';

/** A lab whose tools wait: each execution has a gate of its own, and answers with its number. */
export class GatedLab {
  readonly lab = new Lab();
  /** The gates of all executions so far, in their order. */
  readonly gates: Deferred<void>[] = [];
  /** The arguments of all executions so far, in their order. */
  readonly args: Record<string, unknown>[] = [];
  #isOpen = false;
  /** Executions that have begun and not ended. */
  running = 0;
  /** The highest {@link running} so far. */
  peak = 0;

  /** Adds a tool that waits; `result` makes its answer of the number of the execution. */
  tool(name: string, annotations?: Tool['annotations'], result: (n: string) => CallToolResult = text): this {
    this.lab.tool(
      name,
      async ({ args }) => {
        const gate = deferred();
        const number = this.gates.push(gate);
        this.args.push(args);
        this.running += 1;
        this.peak = Math.max(this.peak, this.running);
        if (!this.#isOpen) await gate.promise;
        this.running -= 1;
        return result(String(number));
      },
      annotations && { annotations },
    );
    return this;
  }

  /** How many executions have begun. */
  get begun(): number {
    return this.gates.length;
  }

  /** Lets the first executions end that have begun. */
  open(count: number): void {
    for (const gate of this.gates.slice(0, count)) gate.resolve();
  }

  /** Lets all end, those included that have not begun. */
  openAll(): void {
    this.#isOpen = true;
    this.open(this.begun);
  }

  /** For `servers`. */
  get server(): CustomServerOptions {
    return { connect: this.lab.connect };
  }
}
