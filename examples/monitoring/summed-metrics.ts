import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AggregatorRegistry } from 'prom-client';

// In the primary it asks the workers for their metrics, in a worker it answers: both load this file.
const aggregator = new AggregatorRegistry();

/** A page that is served until it is closed. */
export interface SummedMetrics {
  readonly url: string;
  readonly close: () => void;
}

/** Serves the sum of the metrics of all workers of `node:cluster`, on a port of its own. */
export async function serveSummedMetrics(port: number, host = '127.0.0.1'): Promise<SummedMetrics> {
  const server = createServer((_req, res) => {
    aggregator.clusterMetrics().then(
      (text) => res.writeHead(200, { 'Content-Type': aggregator.contentType }).end(text),
      (error: unknown) => res.writeHead(500).end(String(error)),
    );
  });
  server.listen(port, host);
  await once(server, 'listening');
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}/metrics`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
