import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { until } from '../support/deferred';
import { ExampleProcess } from '../support/example-process';
import { Ledger } from '../support/ledger';
import { type LightAnswer, LightClient } from '../support/light-client';
import { freePort } from '../support/prometheus';
import { RedisServer } from '../support/redis-server';

const CALLERS = 24;
const KEYS = 50;
/** Of each instance, in a round. */
const CALLS = 600;
const WARM_UP_CALLS = 1_500;
const ROUNDS = 4;
/** For each of three instances, for Redis, and for those who call, with one to spare. */
const CORES = 6;

interface Running {
  readonly app: ExampleProcess;
  readonly url: string;
}

interface Round {
  readonly rate: number;
  /** Microseconds of processor time of the instances for each call. */
  readonly cost: number;
}

/** Processor time of a process so far, in microseconds: Linux counts it in hundredths of a second. */
function spent(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const client = new LightClient(CALLERS);
const call = (url = '', number = 0): Promise<LightAnswer> => client.post(url, { op: `${number % KEYS}`, delayMs: 0 });

/** Hits of results that lie in Redis, by as many callers of each instance. */
async function measure(running: readonly Running[], calls = CALLS): Promise<Round> {
  const cpu = (): number => running.reduce((sum, { app }) => sum + spent(app.pid), 0);
  const count = running.length * calls;
  let [made, hits] = [0, 0];
  const caller = async (): Promise<void> => {
    for (let number = made++; number < count; number = made++) {
      const { cacheStatus } = await call(running[number % running.length]?.url, number);
      if (cacheStatus.includes('hit')) hits += 1;
    }
  };
  const [begun, before] = [performance.now(), cpu()];
  await Promise.all(Array.from({ length: running.length * CALLERS }, caller));
  // On a busy machine Redis may be late once.
  expect(hits / count).toBeGreaterThan(0.9);
  return { rate: (1_000 * count) / (performance.now() - begun), cost: (cpu() - before) / count };
}

it('an instance in a fleet of three spends hardly more on a call than one alone', async () => {
  const redis = await RedisServer.start();
  const ledger = new Ledger('light-ledger.js');
  const apps: Running[] = [];
  try {
    const servers = { ledger: { ...ledger.server, pool: { minConnections: 1 } } };
    for (const prefix of ['fleet:', 'fleet:', 'fleet:', 'first:', 'second:', 'third:']) {
      const port = await freePort();
      const app = new ExampleProcess('app.ts', {
        PORT: port,
        REDIS_URL: `redis://127.0.0.1:${redis.port}`,
        REDIS_PREFIX: prefix,
        REDIS_TIMEOUT_MS: 500,
        MCP_SERVERS: JSON.stringify(servers),
      });
      apps.push({ app, url: `http://127.0.0.1:${port}/mcp/ledger/read` });
    }
    for (const { app } of apps) await app.says('listens');
    for (const { url } of apps) {
      for (let key = 0; key < KEYS; key += 1) {
        await until(async () => (await call(url, key)).cacheStatus.includes('hit'));
      }
    }
    // Three that share nothing keep the machine as busy as three that share: that is what costs can be compared at, as
    // processes that take turns on a core find its caches cold.
    const [fleet, strangers] = [apps.slice(0, 3), apps.slice(3)];
    const one = apps.slice(0, 1);
    for (const each of [fleet, strangers]) await measure(each, WARM_UP_CALLS);
    const rounds: { alone: Round; apart: Round; together: Round }[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const apart = await measure(strangers);
      const together = await measure(fleet);
      rounds.push({ apart, together, alone: await measure(one) });
    }
    const cost = median(rounds.map(({ apart, together }) => together.cost / apart.cost));
    const rate = median(rounds.map(({ alone, together }) => together.rate / alone.rate));
    const told = (['alone', 'apart', 'together'] as const).map((kind) => {
      const all = rounds.map((round) => round[kind]);
      return `${Math.round(median(all.map((each) => each.rate)))}/s, ${Math.round(median(all.map((each) => each.cost)))} us`;
    });
    process.stdout.write(
      `hits a second and CPU of each: 1 instance ${told[0]}; 3 that share nothing ${told[1]}; a fleet of 3 ${told[2]}\n` +
        `a fleet of 3 takes ${cost.toFixed(2)} times the CPU for a call: with a core for each it serves ` +
        `${Math.min(3, 3 / cost).toFixed(2)} times what 1 does; here, on ${availableParallelism()} cores, ${rate.toFixed(2)} times\n`,
    );
    // An instance is one thread: three with a core each serve 3 / cost times as much, which is 2.3 at the least.
    expect(cost).toBeLessThan(1.3);
    if (availableParallelism() >= CORES) expect(rate).toBeGreaterThan(2.2);
  } finally {
    client.close();
    for (const { app } of apps) await app.end();
    await redis.end();
    ledger.remove();
  }
}, 120_000);
