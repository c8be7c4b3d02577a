import { writeSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { type McpoOptions, type McpoRouter, mcpoRouter } from '../../lib';
import { silent } from './loggers';

const warn = (...said: readonly unknown[]): void => {
  writeSync(2, `${said.map(String).join(' ')}\n`);
};

/** What it says of itself when it is asked. */
export interface Told {
  readonly servers: McpoRouter['stats']['servers'];
  /** What it has computed for so far, in milliseconds. */
  readonly cpuMs: number;
}

/** An app that tells its parent where it listens, what it warns of and, when asked, how it is. */
async function main(options: McpoOptions): Promise<void> {
  const app = express();
  const mcpo = mcpoRouter({ ...options, logger: { ...silent, warn } });
  app.use('/mcp', mcpo);
  await mcpo.ready();
  const server = app.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    process.send?.(`http://127.0.0.1:${port}/mcp`);
  });
  // The one connection that is there before all others must last.
  server.keepAliveTimeout = 60_000;
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.({ servers: mcpo.stats.servers, cpuMs: (user + system) / 1_000 } satisfies Told);
  });
}

void main(JSON.parse(process.argv[2] ?? '') as McpoOptions);
