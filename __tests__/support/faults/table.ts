import { writeFileSync } from 'node:fs';
import type { FaultCase, Finding } from './site';
import type { Told } from './told';

const TEXT = `# Faults

This page lets you look up what is answered when an MCP server or a client misbehaves. \`npm run test:faults\` writes it. Each case is
a test: one call meets the fault, while 25 other calls a second go to another server and, where it can still answer, to the same. A case
fails when

- the answer is not the one listed here. \`none\` means that nobody is there to read one. 400, 408 and 431 without a code come from Node,
  before this package is asked;
- one of the other calls is not answered with 200 and its own result;
- something is left behind: a call, a permit or a place in a queue; after the router has been closed, a child process, a socket, a timer
  or any other handle, or memory.

The times are those of one run on a shared machine with two cores. Cases that wait for a server's time-out use 500 ms (the
default is 60 s). The slowest of the other calls shows how long the process was busy: it is one thread, and must parse and write a
message of 50 MB in one piece. Half a line without an end makes the next answer unreadable too; an unanswered ping then replaces the
connection.

`;

const HEAD = `| fault of | case | answer | time to answer (ms) | other calls, the slowest (ms) | left behind |
| --- | --- | --- | --- | --- | --- |
`;

/** An answer as the table has it. */
export function answerOf({ status, code, outcome }: Told): string {
  return [String(status), ...(code ? [`\`${code}\``] : []), ...(outcome ? ['outcome unknown'] : [])].join(' ');
}

/** Prints what has come of the cases; also into the file that `FAULTS_FILE` names. */
export function writeTable(findings: ReadonlyMap<FaultCase, Finding>): void {
  const rows = [...findings].map(([{ where, name }, { told, tookMs, others, disturbed, slowestMs, left }]) => {
    const failed = disturbed.length === 0 ? '' : `, ${disturbed.length} failed`;
    const calls = `${others} (${Math.round(slowestMs)})${failed}`;
    return `| ${[where, name, answerOf(told), Math.round(tookMs), calls, left.join(', ') || 'nothing'].join(' | ')} |\n`;
  });
  const table = HEAD + rows.join('');
  const file = process.env.FAULTS_FILE;
  if (file === undefined) return;
  process.stdout.write(`\n${table}`);
  writeFileSync(file, TEXT + table);
}
