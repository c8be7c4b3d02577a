import type { Health } from '../support/endurance-app';
import { Forked } from '../support/forked';
import { LightClient, callMany } from '../support/callers';

const CALLS = 100_000;
const WARM_UP = 5_000;
const CALLERS = 16;
const MIB = 2 ** 20;

/** Calls a second, in a tenth of all. */
interface Speed {
  /** By the clock, in the fastest tenth of it: others use the machine. */
  readonly perSecond: number;
  /** By what the app computed, whoever else did. */
  readonly perCpuSecond: number;
}

let ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  ends = [];
});

function forked(script: string, args: readonly string[] = []): Forked {
  const child = new Forked(script, args);
  ends.push(() => child.end());
  return child;
}

describe('an app before an MCP server over streamable HTTP', () => {
  it(`is as fast and as small after ${CALLS} calls as in the beginning`, async () => {
    const server = forked('servers/streamable.js');
    const app = forked('endurance-app.ts', [await server.next()]);
    const url = await app.next<string>();
    const client = new LightClient();
    ends.push(() => {
      client.close();
    });
    let made = 0;
    const call = async (): Promise<void> => {
      const args = { n: made++ };
      const { status, body } = await client.post(`${url}/web/echo`, args);
      if (status !== 200 || body !== JSON.stringify(args)) throw new Error(`${String(status)}: ${body}`);
    };
    const health = (): Promise<Health> => app.ask('health');
    const speeds: Speed[] = [];
    const tenth = async (): Promise<void> => {
      const { cpuMs } = await health();
      let perSecond = 0;
      for (let part = 0; part < 10; part++) {
        perSecond = Math.max(perSecond, await callMany(CALLS / 100, CALLERS, call));
      }
      speeds.push({ perSecond, perCpuSecond: (CALLS * 100) / ((await health()).cpuMs - cpuMs) });
    };
    // The best of the last three tenths and of the first: a collection of garbage may be in any.
    const best = (of: keyof Speed, tenths: readonly Speed[]): number => Math.max(...tenths.map((each) => each[of]));
    const ratio = (of: keyof Speed): number => best(of, speeds.slice(-3)) / best(of, speeds.slice(0, 3));

    await callMany(WARM_UP, CALLERS, call);
    const before = await health();
    while (speeds.length < 10) await tenth();
    const after = await health();

    const { runs, sockets } = await server.ask<{ runs: Record<string, number>; sockets: number }>('report');
    const [rss, held] = [(after.rss - before.rss) / MIB, (after.held - before.held) / MIB];
    process.stdout.write(
      `endurance: ${speeds.map(({ perSecond }) => Math.round(perSecond)).join(' ')} calls/s by tenths, last/first ` +
        `${ratio('perSecond').toFixed(2)}, by CPU time ${ratio('perCpuSecond').toFixed(2)}; ` +
        `RSS ${(before.rss / MIB).toFixed(1)} MiB and ${rss.toFixed(1)} more, held ${held.toFixed(1)} more; ` +
        `${String(sockets)} sockets for ${String(after.connections)} connections\n`,
    );
    expect(rss).toBeLessThan(30);
    expect(held).toBeLessThan(5);
    expect(runs).toEqual({ 'echo nobody': made });
    expect(sockets).toBeLessThan(3 * CALLERS);
    expect(after.warnings.length).toBe(0);
    expect(app.stderr).toBe('');
    // By the clock it is told and no more: others use the machine.
    expect(ratio('perCpuSecond')).toBeGreaterThanOrEqual(0.9);
  }, 600_000);
});
