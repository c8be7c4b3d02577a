import type { AddressInfo } from 'node:net';
import express from 'express';
import { mcpoRouter } from '../../lib';

// An app that a bundler puts into a single file, and that tells where it listens.
const [, , upstream = '', ...child] = process.argv;
const mcpo = mcpoRouter({
  servers: {
    web: { type: 'streamable-http', url: `${upstream}/mcp` },
    stream: { type: 'sse', url: `${upstream}/sse` },
    child: { command: process.execPath, args: child },
  },
});
void mcpo.ready().then(() => {
  const server = express()
    .use('/mcp', mcpo)
    .listen(0, '127.0.0.1', () => {
      console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`);
    });
});
