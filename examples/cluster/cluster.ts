import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { AggregatorRegistry } from 'prom-client';
import { serveSummedMetrics } from '../monitoring/summed-metrics';
import { startApp } from './app';

/** A worker that has lived less long would end again at once, and fill the machine with attempts. */
const SHORT_LIFE_MS = 5_000;
const PAUSE_MS = 1_000;

/** Keeps as many workers as it was told, behind one port, and serves the sum of their metrics on another. */
async function primary(): Promise<void> {
  let isEnding = false;
  const start = (): Worker => {
    const worker = cluster.fork();
    const begun = Date.now();
    worker.once('listening', () => console.log(`Worker ${worker.process.pid} listens`));
    worker.once('exit', (code, signal) => {
      if (isEnding) return;
      console.log(`Worker ${worker.process.pid} has ended (${signal || code}): another takes its place`);
      setTimeout(() => isEnding || start(), Date.now() - begun < SHORT_LIFE_MS ? PAUSE_MS : 0);
    });
    return worker;
  };

  const metrics = serveSummedMetrics(Number(process.env.METRICS_PORT ?? 8001), process.env.HOST);
  const end = (): void => {
    isEnding = true;
    void metrics.then(({ close }) => close());
    // Each worker lets its calls end when the primary lets go of it.
    cluster.disconnect();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end);

  const workers = Array.from({ length: Number(process.env.WORKERS ?? 2) }, start);
  await Promise.all(workers.map((worker) => once(worker, 'listening')));
  console.log(`Metrics of all workers: ${(await metrics).url}`);
}

/** An instance of the app, until the primary lets go of it. */
async function worker(): Promise<void> {
  // Ctrl-C reaches every process of the terminal, and a service manager's SIGTERM every process of the service.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
  const abandon = (): never => process.exit();
  process.once('disconnect', abandon);
  const { mcpo, close } = await startApp(process.env);
  AggregatorRegistry.setRegistries(mcpo.registry);
  process.off('disconnect', abandon).once('disconnect', () => void close());
}

void (cluster.isPrimary ? primary() : worker());
