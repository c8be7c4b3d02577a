import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a candidate tells the benchmark of itself. */
export interface Usage {
  /** Resident memory, in bytes. */
  readonly rss: number;
  /** Bytes of objects, of live ones alone where the question was about the heap. */
  readonly heap: number;
  /** Processor time so far, in microseconds. */
  readonly cpu: number;
}

/** Listens on a free port of loopback, tells the benchmark, answers its questions, and ends with it. */
export function serve(server: Server, more: () => object = () => ({})): void {
  server.listen(0, '127.0.0.1', 4_096, () => process.send?.({ port: (server.address() as AddressInfo).port }));
  process.on('message', (question) => {
    const { user, system } = process.cpuUsage();
    const { rss } = process.memoryUsage();
    // Nobody's process is told to collect, so that neither its memory nor its time is measured after that.
    if (question === 'heap') global.gc?.();
    const { heapUsed, external } = process.memoryUsage();
    process.send?.({ rss, heap: heapUsed + external, cpu: user + system, ...more() });
  });
  process.once('disconnect', () => process.exit());
}

/** What the benchmark has to say, as the candidate's first argument. */
export function settings(): unknown {
  return JSON.parse(process.argv[2] ?? '{}');
}
