import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { start } from '../candidate';
import { ROUNDS, SECONDS, measure, median } from '../compare';
import { calls, expressRoute, mounted, stdio } from '../candidates';
import type { Experiment } from '../scenario';

/** What a call costs more than the SDK alone, one after the other. */
export const latency: Experiment = {
  title: 'Added latency, one connection',
  async run() {
    const client = new Client({ name: 'direct', version: '1.0.0' });
    await client.connect(new StdioClientTransport(stdio()));
    const candidate = mounted(stdio());
    const running = await start(candidate);
    const express = await start(expressRoute('hello'));
    const traffic = calls('echo', 'distinct', { message: 'hello %d' })(candidate);
    const direct: number[] = [];
    const routed: number[] = [];
    const constant: number[] = [];
    try {
      for (let round = 0; round <= ROUNDS; round++) {
        const alone = await p50Of(client);
        const through = await measure(running, traffic, 1);
        const empty = await measure(express, traffic, 1);
        // The first round is the warm-up.
        if (round === 0) continue;
        direct.push(alone);
        routed.push(through.p50);
        constant.push(empty.p50);
      }
    } finally {
      await running.stop();
      await express.stop();
      await client.close();
    }
    return {
      rows: [],
      missing: [],
      findings: [
        { what: 'p50 of a direct SDK call', value: median(direct), unit: 'ms' },
        { what: 'p50 through express-mcpo in Express, HTTP included', value: median(routed), unit: 'ms' },
        { what: 'p50 of an Express route that answers a constant', value: median(constant), unit: 'ms' },
        { what: 'added', value: median(routed) - median(direct), unit: 'ms', goal: { atMost: 0.3 } },
      ],
    };
  },
};

async function p50Of(client: Client): Promise<number> {
  const times: number[] = [];
  const end = performance.now() + SECONDS * 1_000;
  for (let n = 0; performance.now() < end; n++) {
    const begun = performance.now();
    await client.callTool({ name: 'echo', arguments: { message: `hello ${n}` } });
    times.push(performance.now() - begun);
  }
  return median(times);
}
