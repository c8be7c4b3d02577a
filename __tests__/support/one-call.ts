import { once } from 'node:events';
import { type McpoOptions, mcpoRouter } from '../../lib';
import { inExpress5 } from './hosts';
import { silent } from './loggers';

/** What the program is told, as JSON in its argument. */
export interface OneCall {
  readonly servers: McpoOptions['servers'];
  /** The route of a tool, such as `/lab/echo`. */
  readonly path: string;
  readonly args?: Readonly<Record<string, unknown>>;
  /** How it ends: with all closed and nothing more, by `process.exit()`, or by an error, both without closing anything. */
  readonly end: 'close' | 'exit' | 'error';
}

/** A whole app: calls one tool, prints the answer as a line of JSON, and ends. */
async function main({ servers, path, args = {}, end }: OneCall): Promise<void> {
  const mcpo = mcpoRouter({ servers, logger: silent });
  await mcpo.ready();
  const mounted = await inExpress5.mount(mcpo);
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(mounted.url + path, { method: 'POST', headers, body: JSON.stringify(args) });
  const answer = JSON.stringify({ status: response.status, body: await response.json() });
  if (!process.stdout.write(`${answer}\n`)) await once(process.stdout, 'drain');
  if (end === 'exit') process.exit(0);
  if (end === 'error') {
    setImmediate(() => {
      throw new Error('on purpose');
    });
    return;
  }
  await mcpo.close();
  await mounted.close();
}

if (require.main === module) void main(JSON.parse(process.argv[2] ?? '') as OneCall);
