import { SHARES, fuzz, scaled, shown } from '../support/fuzz';
import { problemOf } from '../support/fuzz-answers';
import { type Listed, listed, pages } from '../support/fuzz-lists';
import { type Rig, UNREAD, rigs } from '../support/fuzz-rig';
import { inPlainHttp } from '../support/hosts';
import { dialectErrors, structureErrors } from '../support/openapi-validators';
import type { OpenApiDocument } from '../../lib/pages/openapi/document';

const rig = rigs(inPlainHttp);
/** Every so many lists their schemas are given to the metaschema, which takes its time. */
const CHECKED = 20;
/** Definitions that are nested deeper are left out. */
const MAX_DEPTH = 500;

it('lists of tools of all kinds leave tools that can be called and described', async () => {
  const { answers, requests } = SHARES.lists;
  const it = await rig();
  const names = new Set(['unknown']);
  const seen = { lists: 0, unreadable: 0, tools: 0 };
  it.server.onCall = (name) => ({ result: { content: [{ type: 'text', text: JSON.stringify(name) }] } });

  async function takeOver(list: Listed): Promise<readonly string[]> {
    const before = Object.keys(it.mcpo.stats.tools);
    const served = servedOf(list);
    it.warnings.length = 0;
    let asked = 0;
    const isSame = (now: readonly string[]): boolean => JSON.stringify(now) === JSON.stringify(served ?? before);
    await it.list(
      (cursor) => {
        asked += 1;
        return list.answer(cursor);
      },
      () => asked > 0 && (served === undefined ? isRefused(it) : isSame(Object.keys(it.mcpo.stats.tools))),
    );
    expect(Object.keys(it.mcpo.stats.tools)).toEqual(served ?? before);
    seen[served ? 'tools' : 'unreadable'] += served?.length ?? 1;
    return (served ?? before).map((path) => path.slice('fuzz/'.length));
  }

  async function callAll(tools: readonly string[]): Promise<void> {
    for (const name of tools) {
      names.add(name);
      const answer = await it.send({ path: `/fuzz/${encodeURIComponent(name)}`, body: '{"a":"text"}' });
      const isFine = answer.status === 200 && answer.body.toString() === JSON.stringify(name);
      if (!isFine && (answer.status !== 422 || problemOf(answer).code !== 'MCPO_INVALID_ARGUMENTS')) {
        throw new Error(`${answer.status} ${answer.body.toString()} of ${JSON.stringify(name)}`);
      }
    }
  }

  await fuzz('lists', pages, { cases: answers, batch: 1 }, async ([all]) => {
    const list = listed(all ?? []);
    try {
      const tools = await takeOver(list);
      seen.lists += 1;
      const { body, status } = await it.send({ path: '/fuzz/openapi.json', method: 'GET' });
      if (status !== 200) throw new Error(`status ${status} of the description`);
      const document = JSON.parse(body.toString()) as OpenApiDocument;
      expect(Object.keys(document.paths)).toHaveLength(tools.length);
      if (seen.lists % CHECKED === 0) expect(dialectErrors(document)).toEqual([]);
      expect(structureErrors(document)).toEqual([]);
      await callAll(tools);
    } catch (error) {
      throw new Error(`${String(error)}\n${it.warnings.join('\n')}\nfor ${shown(all)}`, { cause: error });
    }
  });
  await it.check(names);
  process.stdout.write(`fuzz lists: ${it.client.answered} requests, ${JSON.stringify(seen)}\n`);
  expect(seen.lists).toBeGreaterThanOrEqual(scaled(answers));
  expect(it.client.answered).toBeGreaterThanOrEqual(scaled(requests));
}, 600_000);

/** Which tools a list leaves: each name once, and those that a URL can reach and that are not nested without end. */
function servedOf({ definitions }: Listed): readonly string[] | undefined {
  const names = definitions
    ?.filter((definition) => depthOf(definition) <= MAX_DEPTH)
    .map(({ name }) => String(name))
    .filter((name) => !['', '.', '..'].includes(name));
  return names && [...new Set(names.filter((name) => name.isWellFormed()))].map((name) => `fuzz/${name}`);
}

/** The levels of a value: none of one that is neither array nor object. */
function depthOf(value: unknown): number {
  let depth = -1;
  for (let level = [value]; level.length > 0; depth += 1) {
    level = level.flatMap((each): unknown[] => (typeof each === 'object' && each !== null ? Object.values(each) : []));
  }
  return depth;
}

function isRefused({ warnings }: Rig): boolean {
  return warnings.some((line) => line.includes(UNREAD));
}
