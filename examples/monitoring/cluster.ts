import cluster from 'node:cluster';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { mcpoRouter } from 'express-mcpo';
import { AggregatorRegistry, Registry } from 'prom-client';

const everything = require.resolve('@modelcontextprotocol/server-everything/dist/index.js');

// In the primary it asks the workers for their metrics, in a worker it answers.
const aggregator = new AggregatorRegistry();

/** Starts the workers, and serves the sum of their metrics on a port of its own. */
async function primary(): Promise<void> {
  const workers = Array.from({ length: Number(process.env.WORKERS ?? 2) }, () => cluster.fork());
  await Promise.all(workers.map((worker) => once(worker, 'listening')));

  const metrics = createServer((_req, res) => {
    aggregator.clusterMetrics().then(
      (text) => res.writeHead(200, { 'Content-Type': aggregator.contentType }).end(text),
      (error: unknown) => res.writeHead(500).end(String(error)),
    );
  });
  metrics.listen(Number(process.env.METRICS_PORT ?? 8001), '127.0.0.1');
  await once(metrics, 'listening');
  console.log(`Metrics of all workers: http://127.0.0.1:${(metrics.address() as AddressInfo).port}/metrics`);

  const end = (): void => {
    metrics.close();
    metrics.closeAllConnections();
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
      everything: { command: process.execPath, args: [everything, 'stdio'], pool: { minConnections: 1 } },
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
