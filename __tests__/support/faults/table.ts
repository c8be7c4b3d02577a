import { writeFileSync } from 'node:fs';
import type { FaultCase, Finding } from './site';
import type { Told } from './told';

const TEXT = `# Faults

What is answered when an MCP server or a client does something wrong, as \`npm run test:faults\` has found it; that writes this
page. Each case is a test that also runs in \`npm test\`: one call meets the fault, while others go on, 25 a second, to another
server and, where it can still answer, to the same. The case fails when

- the answer is another than the one here (\`none\`: nobody is there to read one; 400, 408 and 431 without a code are Node's own,
  before this package is asked);
- one of the other calls is answered with anything but 200 and its own result;
- something is left behind: a call, a permit, a place in a queue, and when the router has been closed a child process, a
  socket, a timer or any other handle, or memory.

The times are those of one run on a shared machine with two cores. A server's time-out is 500 ms where it is waited for (the
default is 60 s). The slowest of the other calls shows how long the process was busy: it is one thread, and must parse and
write a message of 50 MB in one piece. Half a line that is never ended makes the next answer unreadable too; a ping that
is not answered then replaces the connection.

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
