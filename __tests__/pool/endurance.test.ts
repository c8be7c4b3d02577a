import type { Health } from '../support/endurance-app';
import { Forked } from '../support/forked';
import { LightClient, callMany } from '../support/callers';

const CALLS = Number(process.env.ENDURANCE_CALLS ?? 100_000);
const WARM_UP = 5_000;
const CALLERS = 16;
const MORE_TENTHS = 5;
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
    const ratio = (of: keyof Speed): number => (speeds.at(-1)?.[of] ?? 0) / (speeds[0]?.[of] ?? 0);
    const isSlower = (): boolean => ratio('perSecond') < 0.9 || ratio('perCpuSecond') < 0.9;

    await callMany(WARM_UP, CALLERS, call);
    const before = await health();
    while (speeds.length < 10) await tenth();
    const after = await health();
    // Others use the machine: what has become slower for good stays slow.
    while (isSlower() && speeds.length < 10 + MORE_TENTHS) await tenth();

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
    expect(ratio('perSecond')).toBeGreaterThanOrEqual(0.9);
    expect(ratio('perCpuSecond')).toBeGreaterThanOrEqual(0.9);
  }, 600_000);
});
