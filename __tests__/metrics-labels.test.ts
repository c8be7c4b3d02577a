import { Agent, request } from 'node:http';
import type { MetricsJson } from '../lib';
import { Lab, text } from './support/lab';
import { labelsOf, samplesNamed } from './support/exposition';
import { serving } from './support/serve';
import { SEED } from './support/seed';

const serve = serving();

const REQUESTS = 10_000;
const PARTS = [
  ...['lab', 'l%61b', 'LAB', 'other', 'unknown', 'overall', '__proto__', 'constructor', 'toString', '%00', '%ff', '%'],
  ...[
    'read',
    'r%65ad',
    'Read',
    'x"y\\z',
    '%0a',
    '%22%7d%201',
    '{server="x"}',
    '..%2f',
    '.',
    ' ',
    '',
    '\u00e9',
    '%F0%9F%92%A9',
  ],
];

/** Whole numbers below a bound, the same for the same seed (xorshift). */
function dice(seed: number): (bound: number) => number {
  let state = seed || 1;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}

it(`${REQUESTS} random paths make not one new value of a label (FC_SEED=${SEED})`, async () => {
  const lab = new Lab().tool('read', () => text('1')).tool('other', () => text('2'));
  const { mcpo, url } = await serve({ servers: { lab: { connect: lab.connect }, down: { connect: refuse } } });
  const roll = dice(SEED);
  const pick = (): string => PARTS[roll(PARTS.length)] ?? '';
  const word = (): string => (roll(3) === 0 ? Math.abs(roll(2 ** 31)).toString(36) : pick());
  const path = (): string => {
    // What is neither a server nor a tool that there is, most of the time.
    const segments = Array.from({ length: 1 + roll(4) }, () => (roll(4) === 0 ? word() + word() : word()));
    return encodeURI(`/${segments.join('/')}${roll(5) === 0 ? `?tool=${word()}` : ''}`).replaceAll('%25', '%');
  };
  let counted = 0;
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const send = async (target: string, method: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const headers = { 'x-request-id': word().replace(/[^a-z]/g, '') };
      const { hostname, port, pathname } = new URL(url);
      const req = request({ agent, hostname, port, method, path: pathname + target, headers }, (res) => {
        // What names no tool and is no POST may have been meant for a page. The mount path is one.
        const isPage = /^\/(?:\?|$)/.test(target);
        if (method === 'POST' || (res.statusCode === 405 && !isPage)) counted += 1;
        res.resume().once('end', resolve).once('error', reject);
      });
      req.once('error', reject).end();
    });
  const page = async (): Promise<string> => (await fetch(`${url}/metrics`)).text();
  const labels = async (): Promise<string[]> =>
    [...labelsOf(await page())].filter((label) => !/ le=| outcome=/.test(label)).sort();

  for (const target of ['/lab/read', '/lab/other', '/lab/none', '/none/read', '/down/read']) await send(target, 'POST');
  const before = await labels();
  expect(before.filter((label) => label.startsWith('mcpo_tool_requests_total'))).toEqual([
    ...['server=lab', 'server=unknown', 'tool=other', 'tool=read', 'tool=unknown'].map(
      (label) => `mcpo_tool_requests_total ${label}`,
    ),
  ]);

  const requests = Array.from({ length: REQUESTS }, (): [string, string] => [path(), roll(4) === 0 ? 'PUT' : 'POST']);
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (let next = requests.pop(); next; next = requests.pop()) await send(...next);
    }),
  );
  agent.destroy();

  expect(await labels()).toEqual(before);
  const outcomes = Object.keys(samplesNamed(await page(), 'mcpo_tool_requests_total'));
  expect(outcomes.length).toBeLessThan(15);
  const json = (await (await fetch(`${url}/metrics?format=json`)).json()) as MetricsJson;
  expect(Object.keys(json.performance).sort()).toEqual(['lab/other', 'lab/read', 'overall']);
  expect(mcpo.stats.running).toBe(0);
  const total = Object.values(samplesNamed(await page(), 'mcpo_tool_requests_total')).reduce((a, b) => a + b, 0);
  expect(total).toBe(counted);
  expect(total).toBeGreaterThan(REQUESTS / 2);
}, 60_000);

function refuse(): never {
  throw new Error('refused');
}
