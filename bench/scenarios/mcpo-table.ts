import { Agent } from 'node:http';
import { type Running, start } from '../candidate';
import { call } from '../call';
import { EXPRESS_ROUTE, calls, expressRoute, mounted, stdio } from '../candidates';
import { ROUNDS, measure, median } from '../compare';
import type { Traffic } from '../load';
import type { Experiment, Finding } from '../scenario';

const CONNECTIONS = 32;
const MB = 1_000_000;

/** A kind of tool of MCPO's own table, and what it promises of it. */
interface Kind {
  readonly name: string;
  readonly ms: number;
  /** Calls that repeat earlier ones, in percent. */
  readonly repeated: number;
  readonly perSecond: number;
  readonly meanMs: number;
  readonly megabytes: number;
}

const KINDS: readonly Kind[] = [
  { name: 'light (1 ms)', ms: 1, repeated: 90, perSecond: 1_000, meanMs: 50, megabytes: 100 },
  { name: 'medium (50 ms)', ms: 50, repeated: 80, perSecond: 500, meanMs: 200, megabytes: 500 },
  { name: 'heavy (500 ms)', ms: 500, repeated: 70, perSecond: 100, meanMs: 1_000, megabytes: 1_000 },
];

/** The table that the Python project promises, with its mixes of repeated and new calls. */
export const mcpoTable: Experiment = {
  title: "MCPO's own table",
  async run() {
    const findings: Finding[] = [];
    for (const kind of KINDS) findings.push(...(await measureKind(kind)));
    findings.push(await leastMemory());
    return { rows: [], missing: [], findings };
  },
};

async function measureKind({ name, ms, repeated, perSecond, meanMs, megabytes }: Kind): Promise<Finding[]> {
  const candidate = mounted(stdio());
  const traffic: Traffic = { ...calls('wait', 'mix', { message: '%d', ms })(candidate), repeated };
  const running = await start(candidate);
  try {
    const url = `${running.url}${traffic.path}`;
    await Promise.all(Array.from({ length: 100 }, (_, n) => call(url, { message: String(n), ms })));
    await measure(running, traffic, CONNECTIONS);
    const rounds = [];
    for (let round = 0; round < ROUNDS; round++) rounds.push(await measure(running, traffic, CONNECTIONS));
    const rss = (await running.usage())?.rss ?? NaN;
    const hitRate = await hitRateOf(running, url, repeated, ms);
    const mean = median(rounds.map((round) => round.mean));
    return [
      { what: name, value: median(rounds.map((round) => round.perSecond)), unit: '/s', goal: { atLeast: perSecond } },
      { what: `${name}: mean response`, value: mean, unit: 'ms', goal: { atMost: meanMs } },
      { what: `${name}: hit rate`, value: hitRate, unit: '%', goal: { atLeast: repeated } },
      { what: `${name}: resident memory`, value: rss / MB, unit: 'MB', goal: { atMost: megabytes } },
    ];
  } finally {
    await running.stop();
  }
}

/** What an Express app takes that does nothing at all with the light tool's calls. */
async function leastMemory(): Promise<Finding> {
  const candidate = expressRoute('hello');
  const traffic: Traffic = { ...calls('wait', 'mix', { message: '%d', ms: 1 })(candidate), repeated: 90 };
  const running = await start(candidate);
  try {
    for (let round = 0; round <= ROUNDS; round++) await measure(running, traffic, CONNECTIONS);
    const rss = (await running.usage())?.rss ?? NaN;
    return { what: `light (1 ms): resident memory of an ${EXPRESS_ROUTE}`, value: rss / MB, unit: 'MB' };
  } finally {
    await running.stop();
  }
}

/** The hit rate of whole hundreds of calls: the load ends in the middle of one. */
async function hitRateOf(running: Running, url: string, repeated: number, ms: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const before = await lookups(running);
  const messages = Array.from({ length: 500 }, (_, n) => (n % 100 < repeated ? String(n % 100) : `new ${n}`));
  await Promise.all(messages.map((message) => call(url, { message, ms }, agent)));
  agent.destroy();
  const after = await lookups(running);
  const hits = after.hits - before.hits;
  return (100 * hits) / (hits + after.misses - before.misses);
}

async function lookups({ usage }: Running): Promise<{ hits: number; misses: number }> {
  const { cache } = (await usage()) as unknown as { cache: { default: { hits: number; misses: number } } };
  return cache.default;
}
