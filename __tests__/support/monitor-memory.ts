import { PerformanceMonitor } from '../../lib/monitor/performance-monitor';

/**
 * Watches many tools, each called and looked up in the cache a few times, then a whole window and a half; reports, as
 * one line of JSON, how many bytes that took and what is left when the tools have gone. Needs `--expose-gc`.
 */
function main(tools: number, windowSize: number, few: number): void {
  const names = Array.from({ length: tools }, (_value, index) => `server/tool ${String(index)}`);
  const before = held();
  const monitor = new PerformanceMonitor({ windowSize });
  const callEach = (times: number): void => {
    for (const name of names) {
      for (let call = 0; call < times; call++) {
        monitor.begin(name).end(true);
        monitor.observeCache(name, true);
      }
    }
  };
  callEach(few);
  const little = held() - before;
  callEach(1.5 * windowSize);
  const full = held() - before;
  const seen = Object.keys(monitor.all()).length - 1;
  const read = held() - before;
  for (const name of names) monitor.forget(name);
  monitor.close();
  const gone = held() - before;
  process.stdout.write(JSON.stringify({ seen, little, full, read, gone, left: Object.keys(monitor.all()).length }));
}

function held(): number {
  if (!globalThis.gc) throw new Error('needs --expose-gc');
  for (let round = 0; round < 3; round++) globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

main(Number(process.argv[2]), Number(process.argv[3]), Number(process.argv[4]));
