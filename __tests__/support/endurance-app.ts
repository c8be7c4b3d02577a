import { mcpoRouter } from '../../lib';
import { inPlainHttp } from './hosts';
import { silent } from './loggers';

/** How an app is doing. */
export interface Health {
  /** What it has computed for so far, in milliseconds. */
  readonly cpuMs: number;
  /** What it holds, in bytes: in all, and that is of use. */
  readonly rss: number;
  readonly held: number;
  readonly connections: number;
  /** What the process was warned of. */
  readonly warnings: readonly string[];
}

const warnings: string[] = [];
process.on('warning', ({ name, message }) => warnings.push(`${name}: ${message}`));

/** A whole app before one MCP server over HTTP: tells its parent its address, and when asked its health. Needs `--expose-gc`. */
async function main(url: string): Promise<void> {
  // One connection has all the calls: what piles up does so on each.
  const pool = { minConnections: 1, maxConnections: 1 };
  const mcpo = mcpoRouter({ servers: { web: { type: 'streamable-http', url } }, pool, logger: silent });
  await mcpo.ready();
  const mounted = await inPlainHttp.mount(mcpo);
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    for (let round = 0; round < 3; round++) globalThis.gc?.();
    const { rss, heapUsed, external } = process.memoryUsage();
    const connections = mcpo.stats.servers.web?.connections ?? 0;
    process.send?.({
      cpuMs: (user + system) / 1_000,
      rss,
      held: heapUsed + external,
      connections,
      warnings,
    } satisfies Health);
  });
  process.once('disconnect', () => process.exit());
  process.send?.(mounted.url);
}

void main(process.argv[2] ?? '');
