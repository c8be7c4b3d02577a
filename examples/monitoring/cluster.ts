import cluster from 'node:cluster';
import { once } from 'node:events';
import express from 'express';
import { mcpoRouter } from 'express-mcpo';
import { AggregatorRegistry, Registry } from 'prom-client';
import { serveSummedMetrics } from './summed-metrics';

const everything = require.resolve('@modelcontextprotocol/server-everything/dist/index.js');

/** Starts the workers, and serves the sum of their metrics on a port of its own. */
async function primary(): Promise<void> {
  const workers = Array.from({ length: Number(process.env.WORKERS ?? 2) }, () => cluster.fork());
  await Promise.all(workers.map((worker) => once(worker, 'listening')));

  const metrics = await serveSummedMetrics(Number(process.env.METRICS_PORT ?? 8001));
  console.log(`Metrics of all workers: ${metrics.url}`);

  const end = (): void => {
    metrics.close();
    // Each worker ends when the primary lets go of it.
    cluster.disconnect();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
}

/** An app with MCP servers of its own. */
async function worker(): Promise<void> {
  const register = new Registry();
  AggregatorRegistry.setRegistries(register);
  const mcpo = mcpoRouter({
    servers: {
      everything: { command: process.execPath, args: [everything, 'stdio'], cache: true },
    },
    metrics: { register },
  });
  await mcpo.ready();

  const app = express();
  app.use('/mcp', mcpo);
  const server = app.listen(Number(process.env.PORT ?? 8000), '127.0.0.1');
  await once(server, 'listening');
  // Ctrl-C reaches every process of the terminal; a worker waits until the primary lets go of it.
  process.on('SIGINT', () => undefined);
  process.once('disconnect', () => {
    server.closeAllConnections();
    void mcpo.close();
  });
}

void (cluster.isPrimary ? primary() : worker());
