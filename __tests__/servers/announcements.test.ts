import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Forked } from '../support/forked';
import type { Told } from '../support/plain-app';
import { Transpiled } from '../support/transpiled';

const SECONDS = 20;
const EAGER = path.join(__dirname, '../support/servers/eager.js');

let code: Transpiled;
let apps: Forked[] = [];
beforeAll(() => {
  code = new Transpiled();
}, 60_000);
afterAll(() => {
  code.remove();
});
afterEach(async () => {
  await Promise.all(apps.map((app) => app.end()));
  apps = [];
});

interface Started {
  readonly app: Forked;
  readonly url: string;
}

async function start(which: string): Promise<Started> {
  const servers = { eager: { command: process.execPath, args: [EAGER, which] } };
  const app = new Forked(code.script('plain-app.ts'), [JSON.stringify({ servers })]);
  apps.push(app);
  return { app, url: await app.next<string>() };
}

/** How many times the list had been asked for when it was read last, of a server that lists others each time. */
async function listsOf({ url }: Started): Promise<number> {
  const [, number] = /the list number (\d+)/.exec(await (await fetch(`${url}/openapi.json`)).text()) ?? [];
  return Number(number);
}

it(`a server that announces a change after each list costs less than 2 % of a core over ${SECONDS} s`, async () => {
  const kinds = ['the same', 'others'];
  const started = await Promise.all(kinds.map(start));
  const before = await Promise.all(started.map(({ app }) => app.ask<Told>('how are you')));
  await sleep(1_000 * SECONDS);
  const after = await Promise.all(started.map(({ app }) => app.ask<Told>('how are you')));
  const percents = after.map(({ cpuMs }, n) => (cpuMs - (before[n]?.cpuMs ?? NaN)) / 10 / SECONDS);
  process.stdout.write(`eager: ${kinds.map((kind, n) => `${kind} ${percents[n]?.toFixed(2)} %`).join(', ')}\n`);
  for (const percent of percents) expect(percent).toBeLessThan(2);
  for (const { servers } of after) expect(servers['eager']).toMatchObject({ state: 'up', tools: 50 });
  // At once, and after about 1, 2, 4 and 8 s: it goes on being read.
  const lists = await listsOf(started[1] as Started);
  expect(lists).toBeGreaterThanOrEqual(4);
  expect(lists).toBeLessThanOrEqual(8);
}, 90_000);
