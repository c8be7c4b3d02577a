import { Agent } from 'node:http';
import { start } from '../candidate';
import { mounted, stdio } from '../candidates';
import { call } from '../call';
import type { Experiment } from '../scenario';

const CALLS = 10_000;
const WAIT_MS = 20_000;
const MIB = 1_048_576;

/** Calls that take 20 s, ten thousand of them open at once. */
export const slowCalls: Experiment = {
  title: '10,000 slow calls open at once',
  async run() {
    const options = { concurrency: { maxConcurrent: CALLS }, pool: { maxInFlightPerConnection: CALLS } };
    const running = await start(mounted(stdio(), options));
    const agent = new Agent({ keepAlive: false, maxSockets: Infinity });
    let answered = 0;
    let good = 0;
    const one = async (n: number): Promise<void> => {
      const message = `call ${n}`;
      const body = await call(`${running.url}/mcp/bench/wait`, { message, ms: WAIT_MS }, agent).catch(() => undefined);
      answered++;
      if (body === JSON.stringify(message)) good++;
    };
    try {
      const all: Promise<void>[] = [];
      for (let n = 0; n < CALLS; n++) {
        all.push(one(n));
        // The backlog of a socket that listens is bounded.
        if (n % 200 === 199) await new Promise((resolve) => setTimeout(resolve, 20));
      }
      let peak = 0;
      while (answered < CALLS) {
        peak = Math.max(peak, (await running.usage())?.rss ?? NaN);
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      await Promise.all(all);
      const most = ((await running.usage())?.limiter as number | undefined) ?? NaN;
      return {
        rows: [],
        missing: [],
        findings: [
          { what: 'answered 200 with their own result', value: good, unit: 'calls', goal: { atLeast: CALLS } },
          { what: 'open at once', value: most, unit: 'calls', goal: { atLeast: CALLS } },
          { what: 'resident memory at most', value: peak / MIB, unit: 'MiB', goal: { atMost: 400 } },
        ],
      };
    } finally {
      agent.destroy();
      await running.stop();
    }
  },
};
