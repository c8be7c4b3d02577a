import fc from 'fast-check';
import { scaled, SHARES, fuzz, shown } from '../support/fuzz';
import { problemOf } from '../support/fuzz-answers';
import { inputSchema } from '../support/fuzz-schemas';
import { jsonText } from '../support/fuzz-text';
import { json, objects, wild } from '../support/fuzz-values';
import { type Rig, rigs } from '../support/fuzz-rig';
import { inPlainHttp } from '../support/hosts';
import { referenceVerdict } from '../support/reference-schema';

const rig = rigs(inPlainHttp);
const BODIES = 60;
const MAX_DEPTH = 200;
const SAME_DIALECT = new Set<unknown>([undefined, 'https://json-schema.org/draft/2020-12/schema']);

const args = fc.oneof({ weight: 12, arbitrary: objects(wild, 4) }, { weight: 1, arbitrary: json });
const body = args.chain((value) => jsonText(value));
const bodies = fc.array(body, { minLength: BODIES, maxLength: BODIES });
const tool = fc.record({ inputSchema, bodies });

function withoutStrings(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"/g, '""');
}

/** Whether a text of JSON has two members of one name: more members than its value. */
function hasTwins(text: string, value: unknown): boolean {
  const written = withoutStrings(text).split(':').length - 1;
  let members = 0;
  const left: unknown[] = [value];
  while (left.length > 0) {
    const each = left.pop();
    if (typeof each !== 'object' || each === null) continue;
    if (!Array.isArray(each)) members += Object.keys(each).length;
    left.push(...Object.values(each));
  }
  return written !== members;
}

it('arguments of all kinds against schemas of all kinds get the verdict of the specification', async () => {
  const { requests } = SHARES.arguments;
  const it = await rig();
  const tools = new Set(['unknown']);
  const seen = { fits: 0, fails: 0, unsure: 0, refused: 0 };
  it.server.onCall = (_name, given) => ({ result: { content: [], structuredContent: { given } } });

  async function one(name: string, schema: unknown, text: string): Promise<void> {
    const answer = await it.send({ path: `/fuzz/${name}`, body: text });
    const value = parsed(Buffer.from(text).toString());
    const context = (): string => `${answer.status} for ${text.slice(0, 1_000)}\nagainst ${shown(schema)}`;
    if (!isObject(value) || hasTwins(text, value)) {
      seen.refused += 1;
      if (answer.status !== 400) throw new Error(context());
      return;
    }
    if (answer.status === 422 && /a double cannot hold/.test(problemOf(answer).detail)) {
      // The server of this test is connected by a transport that takes JavaScript values.
      if (!/\d[eE]|\d{15}|\.\d{12}/.test(withoutStrings(text))) throw new Error(context());
      seen.refused += 1;
      return;
    }
    const verdict = verdictOf(it, name, schema, value);
    seen[verdict === undefined ? 'unsure' : verdict ? 'fits' : 'fails'] += 1;
    if (answer.status === 200) {
      const { given } = JSON.parse(answer.body.toString()) as { given: unknown };
      if (JSON.stringify(given) !== JSON.stringify(value)) throw new Error(`changed on its way: ${context()}`);
    } else if (answer.status !== 422 || problemOf(answer).code !== 'MCPO_INVALID_ARGUMENTS') {
      throw new Error(context());
    }
    if (verdict !== undefined && verdict !== (answer.status === 200)) {
      throw new Error(
        `the reference says ${verdict}: ${context()}\n${answer.body.toString()}\n${it.warnings.join('\n')}`,
      );
    }
  }

  let lists = 0;
  await fuzz('arguments', tool, { cases: requests / BODIES, batch: 5 }, async (batch) => {
    it.warnings.length = 0;
    lists += 1;
    const named = batch.map((each, index) => ({ ...each, name: `t${lists}_${index}` }));
    for (const { name } of named) tools.add(name);
    const definitions = named.map(({ name, inputSchema: schema }) => ({ name, inputSchema: schema }));
    await it.list(
      () => ({ tools: definitions }),
      () => `fuzz/t${lists}_0` in it.mcpo.stats.tools,
    );
    await Promise.all(
      named.map(async ({ name, inputSchema: schema, bodies: texts }) => {
        for (const text of texts) await one(name, schema, text);
      }),
    );
  });
  await it.check(tools);
  process.stdout.write(`fuzz arguments: ${it.client.answered} requests, ${JSON.stringify(seen)}\n`);
  expect(it.client.answered).toBeGreaterThanOrEqual(scaled(requests));
  expect(Math.min(seen.fits, seen.fails)).toBeGreaterThan(it.client.answered / 20);
}, 600_000);

/** What must come of it; `undefined` where nothing is known. */
function verdictOf(it: Rig, name: string, schema: unknown, value: object): boolean | undefined {
  if (depthOf(value) > MAX_DEPTH) return false;
  if (!isObject(schema) || !SAME_DIALECT.has(schema.$schema)) return undefined;
  // A machine that is stopped for a while may take too long; what is too deep is not looked at.
  if (it.warnings.some((line) => line.includes(name) && /ms to|levels|larger/.test(line))) return undefined;
  return referenceVerdict(schema, value);
}

/** What a body says; `undefined` where it is to be refused. No body is as good as an empty object. */
function parsed(text: string): unknown {
  if (text === '') return {};
  try {
    const value: unknown = JSON.parse(text.replace(/^\ufeff/, ''));
    return isFinite(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whether there is no number in it that JavaScript cannot hold. */
function isFinite(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).every(isFinite);
  return value !== Infinity && value !== -Infinity;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function depthOf(value: unknown): number {
  let depth = 0;
  for (let level = [value]; level.length > 0; depth += 1) {
    level = level.flatMap((each): unknown[] => (typeof each === 'object' && each !== null ? Object.values(each) : []));
  }
  return depth - 1;
}
