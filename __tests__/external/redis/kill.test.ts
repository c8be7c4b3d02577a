import { until } from '../../support/deferred';
import { Forked } from '../../support/forked';
import { Ledger } from '../../support/ledger';
import { post } from '../../support/post';
import { type Instance, instances } from '../../support/redis-instances';
import { RedisServer } from '../../support/redis-server';
import { serving } from '../../support/serve';

const serve = serving();
// Long by what a busy machine keeps a process waiting, so that only one that is dead loses it.
const LEASE_MS = 4_000;
let redis: RedisServer;
let ledger: Ledger;
let apps: Instance[] = [];

beforeAll(async () => {
  redis = await RedisServer.start();
  ledger = new Ledger();
});
afterEach(async () => {
  for (const { end } of apps) await end();
});
afterAll(async () => {
  await redis.end();
  ledger.remove();
});

it.each([
  ['messages', {}],
  ['no messages', { subscribe: undefined }],
])(
  'when the instance that works is killed, those that wait elsewhere are answered in time (%s)',
  async (kind, options) => {
    const op = `read ${kind}`;
    const fleet = { prefix: `kill ${kind}:`, leaseMs: LEASE_MS };
    const { args } = ledger.server;
    const killed = new Forked('fleet-app.ts', [String(redis.port), fleet.prefix, String(LEASE_MS), ...args]);
    try {
      const port = await killed.next<number>();
      apps = await instances(serve, redis.port, 2, { servers: { ledger: ledger.server } }, { ...fleet, ...options });
      const lost = [
        post(`http://127.0.0.1:${port}/ledger/stall-once`, { args: { op } }),
        post(`http://127.0.0.1:${port}/ledger/write`, { args: { op: `write ${kind}`, delayMs: 60_000 } }),
      ].map((call) => call.then(() => 'answered').catch(() => 'lost'));
      await until(() => ledger.executions(op) === 1 && ledger.executions(`write ${kind}`) === 1);
      const waiting = apps.flatMap(({ url }) =>
        Array.from({ length: 10 }, () => post(`${url}/ledger/stall-once`, { args: { op } })),
      );
      await until(() => apps.every(({ looks }) => looks() > 0));
      // Longer than a lease: it is renewed while its holder lives.
      await new Promise((resolve) => setTimeout(resolve, LEASE_MS + 500));
      expect(ledger.executions(op)).toBe(1);

      const begun = performance.now();
      await killed.end();
      for (const { status } of await Promise.all(waiting)) expect(status).toBe(200);
      const tookMs = Math.round(performance.now() - begun);
      const executions = ledger.executions(op);
      process.stdout.write(
        `kill -9 (${kind}): lease ${LEASE_MS} ms, answered after ${tookMs} ms, ${executions} executions\n`,
      );
      expect(tookMs).toBeLessThan(LEASE_MS + 1_000);
      expect(executions).toBe(2);
      expect(ledger.executions(`write ${kind}`)).toBe(1);
      expect(await Promise.all(lost)).toEqual(['lost', 'lost']);
    } finally {
      await killed.end();
    }
  },
  60_000,
);
