import fc from 'fast-check';
import { SHARES, fuzz, scaled, shown } from '../support/fuzz';
import { problemOf } from '../support/fuzz-answers';
import { rigs } from '../support/fuzz-rig';
import { inPlainHttp } from '../support/hosts';
import { SEED } from '../support/seed';

const rig = rigs(inPlainHttp);
const KEY = 'key-of-the-router';
const NAMES = [
  'authorization',
  'x-user',
  'x-api-key',
  'cookie',
  'constructor',
  'valueof',
  'x-tenant',
  'set-cookie',
] as const;
const TARGETS = ['authorization', 'x-user', 'x-other', 'tostring', '__proto__', 'constructor', 'x_1', '!#$%'];

const rules = fc
  .tuple(
    fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 4 }),
    fc.shuffledSubarray(TARGETS, { minLength: 4 }),
  )
  .map(([names, targets]) => Object.fromEntries(names.map((name, index) => [name, targets[index] ?? name])));

const value = fc.oneof(
  fc.constantFrom(
    KEY,
    `Bearer ${KEY}`,
    `bearer  ${KEY} `,
    'Bearer other',
    '',
    'a, b',
    'a: b',
    'x'.repeat(4_096),
    'x'.repeat(4_097),
  ),
  fc.array(fc.nat(255), { maxLength: 8 }).map((bytes) => String.fromCharCode(...bytes.filter(isAllowed))),
);
const headers = fc.array(
  fc.tuple(fc.oneof(fc.constantFrom(...NAMES), fc.constantFrom('x-not-forwarded', 'X-USER', '__proto__')), value),
  // Node takes 16 KiB of headers.
  { maxLength: 3 },
);

/** What Node sends: no control characters but the tab. */
function isAllowed(byte: number): boolean {
  return byte === 9 || (byte >= 32 && byte !== 127);
}

it('headers of all kinds reach the server exactly as the rules say', async () => {
  const { requests } = SHARES.headers;
  const groups = 20;
  const each = requests / groups;
  let answered = 0;
  const seen = { forwarded: 0, nothing: 0, refused: 0 };
  for (const [index, forwardHeaders] of fc.sample(rules, { numRuns: groups, seed: SEED }).entries()) {
    const it = await rig({
      apiKey: KEY,
      entry: { forwardHeaders, pool: { maxConnections: 1 } },
      cache: { strategy: 'ttl', defaultTtlMs: 60_000 },
    });
    it.server.onCall = (_name, _args, context) => ({
      result: { content: [], structuredContent: { got: Object.entries(context.headers) } },
    });
    const definition = { name: 'who', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } };
    await it.list(
      () => ({ tools: [definition] }),
      () => 'fuzz/who' in it.mcpo.stats.tools,
    );
    await fuzz(`headers ${index}`, headers, { cases: each, batch: 10 }, async (batch) => {
      await Promise.all(
        batch.map(async (sent) => {
          const last = new Map(sent.map(([name, said]) => [name.toLowerCase(), said.trim()]));
          // One of two ways to show the key is there in any case.
          if (last.get('x-api-key') !== KEY) last.set('authorization', `Bearer ${KEY}`);
          const answer = await it.send({ path: '/fuzz/who', headers: Object.fromEntries(last), body: '{}' });
          const expected = Object.entries(forwardHeaders).flatMap(([from, to]) => {
            const said = last.get(from);
            return said === undefined || isKey(said) ? [] : [[to, said]];
          });
          const isRefused = expected.some(([, said]) => Buffer.byteLength(said ?? '') > 4_096);
          seen[isRefused ? 'refused' : expected.length > 0 ? 'forwarded' : 'nothing'] += 1;
          const { got } = JSON.parse(answer.body.toString()) as { got?: [string, string][] };
          const isRight = isRefused
            ? answer.status === 400 && problemOf(answer).code === 'MCPO_INVALID_HEADER'
            : answer.status === 200 && JSON.stringify(got?.sort()) === JSON.stringify(expected.sort());
          if (!isRight) {
            throw new Error(
              `${answer.status} ${answer.body.toString()}\nnot ${shown(expected)}\nfor ${shown([...last])} by ${shown(forwardHeaders)}`,
            );
          }
        }),
      );
    });
    await it.check(new Set(['who', 'unknown']));
    answered += it.client.answered;
  }
  process.stdout.write(`fuzz headers: ${answered} requests, ${JSON.stringify(seen)}\n`);
  expect(answered).toBeGreaterThanOrEqual(scaled(requests));
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(0);
}, 600_000);

function isKey(value: string): boolean {
  return value === KEY || /^bearer +key-of-the-router *$/i.test(value);
}
