import path from 'node:path';
import { until } from '../support/deferred';
import { inPlainHttp } from '../support/hosts';
import { LightClient, Load } from '../support/callers';
import { serving } from '../support/serve';
import { isRunning } from '../support/stdio';

const CALLERS = 40;
const paces = { command: process.execPath, args: [path.join(__dirname, '../support/servers/paces.js')] };
const serve = serving(inPlainHttp);
const client = new LightClient();
afterAll(() => client.close());

describe('a pool under load', () => {
  it('grows to its maximum and no further, and is back at its minimum when the load is over, time and again', async () => {
    const maxIdleMs = 1_000;
    const bounds = { minConnections: 1, maxConnections: 4, maxIdleMs };
    const { url, mcpo } = await serve({ servers: { x: paces }, pool: bounds });
    const connections = (): number => mcpo.stats.servers.x?.connections ?? 0;
    for (let round = 0; round < 2; round++) {
      const lastHeard = new Map<number, number>();
      let most = 0;
      const load = new Load(CALLERS, async () => {
        const { body } = await client.post(`${url}/x/block`, { ms: 30 });
        lastHeard.set(Number(body), performance.now());
        most = Math.max(most, connections());
      });
      await until(() => connections() === 4);
      await load.rate(100);
      await load.stop();
      const pids = [...lastHeard.keys()];
      expect([most, pids.length, pids.filter(isRunning).length]).toEqual([4, 4, 4]);

      await until(() => connections() === 1);
      const idle = performance.now() - Math.min(...lastHeard.values());
      await until(() => pids.filter(isRunning).length === 1);
      process.stdout.write(
        `shrink: ${String(most)} connections under load, 1 after ${idle.toFixed(0)} ms of idleness\n`,
      );
      // What the pool has heard of has yet to come here.
      expect(idle).toBeGreaterThan(maxIdleMs / 2);
      const { body } = await client.post(`${url}/x/fast`);
      expect([Number(body)]).toEqual(pids.filter(isRunning));
    }
  });
});
