import path from 'node:path';
import type { PoolOptions } from '../../lib';
import { until } from '../support/deferred';
import { inPlainHttp } from '../support/hosts';
import { LightClient, Load } from '../support/callers';
import { type Served, serving } from '../support/serve';

const CALLERS = 40;
const BLOCK_MS = 50;
const ROUNDS = 3;
const paces = { command: process.execPath, args: [path.join(__dirname, '../support/servers/paces.js')] };

const serve = serving(inPlainHttp);
const client = new LightClient();
afterAll(() => client.close());

type Paces = Served & { readonly connections: () => number };

async function pool(options: PoolOptions): Promise<Paces> {
  const served = await serve({ servers: { x: paces }, pool: options });
  const connections = (): number => served.mcpo.stats.servers.x?.connections ?? 0;
  await until(() => connections() >= Math.min(options.minConnections ?? 2, options.maxConnections ?? 10));
  return { ...served, connections };
}

function calls({ url }: Paces, callers: number, tool: string, args: object): Load {
  return new Load(callers, async () => {
    const { status, body } = await client.post(`${url}/x/${tool}`, args);
    if (status !== 200) throw new Error(body);
  });
}

/** Answers a second, the most of some rounds: others use the machine. */
async function rateOf(served: Paces, callers: number, tool: string, args: object, answers: number): Promise<number> {
  const load = calls(served, callers, tool, args);
  let most = 0;
  for (let round = 0; round < ROUNDS; round++) most = Math.max(most, await load.rate(answers));
  await load.stop();
  return most;
}

function print(text: string): void {
  process.stdout.write(`throughput: ${text}\n`);
}

describe('a tool that blocks its process', () => {
  it('is called 9 times as often over 10 connections as over one, and 8 times once a pool that may have 10 has grown', async () => {
    const one = await pool({ minConnections: 1, maxConnections: 1 });
    const ten = await pool({ minConnections: 10, maxConnections: 10 });
    const args = { ms: BLOCK_MS };
    // As many answers as callers, since they come in bursts.
    const alone = await rateOf(one, CALLERS, 'block', args, CALLERS);
    const fixed = await rateOf(ten, CALLERS, 'block', args, 5 * CALLERS);
    const grows = await pool({ maxConnections: 10 });
    const load = calls(grows, CALLERS, 'block', args);
    await until(() => grows.connections() === 10);
    await load.stop();
    const grown = await rateOf(grows, CALLERS, 'block', args, 5 * CALLERS);
    print(
      `blocking 50 ms: ${alone.toFixed(1)} calls/s on 1 connection, ${fixed.toFixed(1)} on 10 ` +
        `(x ${(fixed / alone).toFixed(2)}), ${grown.toFixed(1)} on up to 10, grown to ${String(grows.connections())} ` +
        `(x ${(grown / alone).toFixed(2)})`,
    );
    expect(fixed / alone).toBeGreaterThanOrEqual(9);
    expect(grown / alone).toBeGreaterThanOrEqual(8);
  });
});

describe('a tool that lets its process do other things meanwhile', () => {
  it('is called 5 times as often at a time as one after the other, over one connection', async () => {
    const one = await pool({ minConnections: 1, maxConnections: 1 });
    const args = { ms: 20 };
    const alone = await rateOf(one, 1, 'delay', args, 40);
    const together = await rateOf(one, CALLERS, 'delay', args, 400);
    print(
      `waiting 20 ms: ${alone.toFixed(1)} calls/s one at a time, ${together.toFixed(1)} by ${String(CALLERS)} callers ` +
        `on ${String(one.connections())} connection (x ${(together / alone).toFixed(2)})`,
    );
    expect(together / alone).toBeGreaterThanOrEqual(5);
    expect(one.connections()).toBe(1);
  });
});
