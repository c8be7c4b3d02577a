import { PerformanceMonitor } from '../../lib/monitor/performance-monitor';

const CALLS = 50_000;
const ROUNDS = 15;

/** Reports, as one line of JSON, what one observation costs at each of some window sizes, in microseconds. */
function main(windowSizes: readonly number[]): void {
  process.stdout.write(JSON.stringify(windowSizes.map(cost)));
}

/** The least of several rounds: other work on the machine only ever adds to it. */
function cost(windowSize: number): number {
  const monitor = new PerformanceMonitor({ windowSize });
  const names = Array.from({ length: 100 }, (_value, index) => `server/tool ${String(index)}`);
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const startedAt = process.hrtime.bigint();
    for (let call = 0; call < CALLS; call++) monitor.begin(names[call % names.length] ?? '').end(call % 10 > 0);
    best = Math.min(best, Number(process.hrtime.bigint() - startedAt) / CALLS / 1_000);
  }
  monitor.close();
  if (monitor.stats('overall').total_requests !== CALLS * ROUNDS) throw new Error('requests were lost');
  return best;
}

main(process.argv.slice(2).map(Number));
