import { mcpoRouter } from '/work/main/lib';
import { inPlainHttp } from '/work/main/__tests__/support/hosts';
import { silent } from '/work/main/__tests__/support/loggers';

/** What is held by the process, in bytes, and what it was warned of. */
export interface Health {
  readonly rss: number;
  readonly held: number;
  readonly connections: number;
  readonly warnings: readonly string[];
}

const warnings: string[] = [];
process.on('warning', ({ name, message }) => warnings.push(`${name}: ${message}`));

/** A whole app before one MCP server over HTTP: tells its parent its address, and when asked its health. Needs `--expose-gc`. */
async function main(url: string): Promise<void> {
  const mcpo = mcpoRouter({ servers: { web: { type: 'streamable-http', url } }, logger: silent });
  await mcpo.ready();
  const mounted = await inPlainHttp.mount(mcpo);
  process.on('message', () => {
    for (let round = 0; round < 3; round++) globalThis.gc?.();
    const { rss, heapUsed, external } = process.memoryUsage();
    const connections = mcpo.stats.servers.web?.connections ?? 0;
    process.send?.({ rss, held: heapUsed + external, connections, warnings, cpu: process.cpuUsage() } as never );
  });
  process.once('disconnect', () => process.exit());
  process.send?.(mounted.url);
}

void main(process.argv[2] ?? '');
