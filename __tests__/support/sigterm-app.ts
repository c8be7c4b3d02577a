import type { AddressInfo } from 'node:net';
import express from 'express';
import { type McpoOptions, mcpoRouter } from '../../lib';
import { silent } from './loggers';

/** An app as the README has it, which tells its parent where it listens and then knows of it no more. */
async function main(options: McpoOptions): Promise<void> {
  const app = express();
  const mcpo = mcpoRouter({ ...options, logger: silent });
  app.use('/mcp', mcpo);
  await mcpo.ready();
  const server = app.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    process.send?.(`http://127.0.0.1:${port}/mcp`, () => {
      process.disconnect();
    });
  });
  process.once('SIGTERM', () => void mcpo.close().then(() => server.close()));
}

void main(JSON.parse(process.argv[2] ?? '') as McpoOptions);
