import fc from 'fast-check';
import { inputSchema } from './fuzz-schemas';
import { type Json, json, name, nested, objectOf, objects, text } from './fuzz-values';

const NAMES = [
  'read',
  'get_time',
  'a/b',
  'a//b',
  'a%2Fb',
  'a b',
  'A',
  'docs',
  'openapi.json',
  'x'.repeat(300),
  '{id}',
  'a?b#c',
  '🎈',
];
const toolName = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...NAMES) }, { weight: 2, arbitrary: text }, name);
const hints = ['title', 'readOnlyHint', 'destructiveHint', 'idempotentHint', 'openWorldHint'];
const annotations = fc
  .array(fc.tuple(fc.constantFrom(...hints), fc.oneof(fc.boolean(), fc.boolean(), json)), { maxLength: 3 })
  .map(objectOf);
const deep = fc.constantFrom(20, 100, 20_000).map((levels) => nested(levels, 1, 'a'));

/** A member that may be missing and seldom is of any type. */
function maybe(key: string, value: fc.Arbitrary<Json>, missing = 1): fc.Arbitrary<[string, Json][]> {
  return fc.oneof(
    { weight: 8, arbitrary: value.map((each): [string, Json][] => [[key, each]]) },
    { weight: missing, arbitrary: fc.constant<[string, Json][]>([]) },
    { weight: 1, arbitrary: json.map((each): [string, Json][] => [[key, each]]) },
  );
}

const definition: fc.Arbitrary<Json> = fc
  .tuple(
    maybe('name', toolName),
    maybe('title', text, 8),
    maybe('description', text, 4),
    maybe('inputSchema', inputSchema),
    maybe('outputSchema', inputSchema, 12),
    maybe('annotations', annotations, 6),
    maybe('icons', json, 20),
    maybe('execution', objects(json), 20),
    maybe('_meta', fc.oneof({ weight: 6, arbitrary: objects(json) }, { weight: 1, arbitrary: deep }), 20),
    maybe('annotations', fc.oneof(annotations, objects(deep)), 60),
    maybe('x', json, 20),
  )
  .map((parts) => objectOf(parts.flat()));

const page = fc.record({
  tools: fc.oneof(
    { weight: 12, arbitrary: fc.array(fc.oneof({ weight: 10, arbitrary: definition }, json), { maxLength: 3 }) },
    { weight: 1, arbitrary: json },
  ),
  next: fc.oneof(
    { weight: 10, arbitrary: fc.constant('next') },
    { weight: 1, arbitrary: fc.oneof(text, json) },
    { weight: 1, arbitrary: fc.constant(undefined) },
  ),
  extra: objects(json, 1),
});

/** The pages of a `tools/list`. */
export const pages = fc.array(page, { minLength: 1, maxLength: 3 });

/** What a list of pages comes to when it is read as MCP says. */
export interface Listed {
  /** The result for each cursor. */
  readonly answer: (cursor: unknown) => Json;
  /** The definitions that have a name, in their order; `undefined` where the list cannot be read. */
  readonly definitions: readonly Readonly<Record<string, Json>>[] | undefined;
}

/** Has the pages follow one another by cursors that are their numbers, where nothing else is said of them. */
export function listed(all: readonly (typeof pages extends fc.Arbitrary<(infer P)[]> ? P : never)[]): Listed {
  const cursorAfter = (index: number): Json => {
    const { next } = all[index] ?? { next: undefined };
    return next === 'next' ? (index + 1 < all.length ? `page ${index + 1}` : undefined) : next;
  };
  const indexOf = (cursor: unknown): number => (/^page \d$/.test(String(cursor)) ? Number(String(cursor).slice(5)) : 0);
  const answer = (cursor: unknown): Json => {
    const index = Math.min(indexOf(cursor), all.length - 1);
    const { tools, extra } = all[index] ?? { tools: [], extra: {} };
    const rest = Object.fromEntries(Object.entries(extra).filter(([key]) => key !== '_meta'));
    return { ...rest, tools, nextCursor: cursorAfter(index) };
  };
  return { answer, definitions: read(answer) };
}

function read(answer: (cursor: unknown) => Json): Listed['definitions'] {
  const definitions: Readonly<Record<string, Json>>[] = [];
  const cursors = new Set<string>();
  for (let cursor: string | undefined; ;) {
    const { tools, nextCursor } = answer(cursor) as { tools: Json; nextCursor: Json };
    if (!Array.isArray(tools)) return undefined;
    // Some servers mean the end by an empty cursor and give the same page again.
    if (cursor === '' && nextCursor === '') return definitions;
    for (const tool of tools as Json[]) {
      if (typeof tool === 'object' && tool !== null && 'name' in tool && typeof tool.name === 'string') {
        definitions.push(tool);
      }
    }
    if (typeof nextCursor !== 'string') return definitions;
    if (cursors.has(nextCursor)) return undefined;
    cursors.add(nextCursor);
    cursor = nextCursor;
  }
}
