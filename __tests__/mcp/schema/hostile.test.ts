import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type CompiledArguments, compileArguments } from '../../../lib/mcp/schema/arguments';

type Json = Record<string, unknown>;

/** Processor time: two runs of 50 ms, and the compilation; unguarded, each bomb takes many seconds. */
const HELD_MS = 1_000;

/** Makes `format` an assertion. */
const $vocabulary = { 'https://json-schema.org/draft/2020-12/vocab/format-assertion': true };

type Compiled = CompiledArguments & { readonly warnings: readonly string[]; readonly unchecked: () => number };

function compiled(schema: unknown): Compiled {
  const warnings: string[] = [];
  let count = 0;
  const options = { warn: (message: string) => void warnings.push(message), unchecked: () => void (count += 1) };
  return { ...compileArguments(schema, options), warnings, unchecked: () => count };
}

/** What it costs in processor time: how long it takes depends on what else runs on the machine. */
function timed<T>(run: () => T): { readonly value: T; readonly ms: number } {
  const before = process.cpuUsage();
  const value = run();
  const { user, system } = process.cpuUsage(before);
  return { value, ms: (user + system) / 1_000 };
}

/** Definitions that use each other twice, 40 deep. */
function fanOut(keyword: 'allOf' | 'anyOf' | 'oneOf'): Json {
  const $defs: Json = { a0: { properties: { z: { type: 'string' } } } };
  for (let level = 1; level <= 40; level += 1) {
    const $ref = `#/$defs/a${level - 1}`;
    $defs[`a${level}`] = { [keyword]: [{ $ref }, { $ref }] };
  }
  return { $ref: '#/$defs/a40', $defs };
}

const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

const BOMBS: [string, Json, Json][] = [
  ['pattern', { properties: { a: { pattern: '^(a+)+$' } } }, { a: `${'a'.repeat(60)}!` }],
  [
    'pattern of optional parts',
    { properties: { a: { pattern: '(?:a?b?c?d?){0,1000}'.repeat(10) + 'x' } } },
    { a: 'abcd'.repeat(50) },
  ],
  ['patternProperties', { patternProperties: { '^(a|a)*$': {} } }, { [`${'a'.repeat(60)}!`]: 1 }],
  ['propertyNames', { propertyNames: { pattern: '^(a|aa)+$' } }, { [`${'a'.repeat(99)}!`]: 1 }],
  ['fan-out under allOf', fanOut('allOf'), { z: 'x' }],
  ['fan-out under anyOf', fanOut('anyOf'), { z: 1 }],
  ['fan-out under oneOf', fanOut('oneOf'), { z: 1 }],
  [
    'recursive fan-out',
    {
      $defs: { t: { required: ['v'], properties: { n: { anyOf: [{ $ref: '#/$defs/t' }, { $ref: '#/$defs/t' }] } } } },
      $ref: '#/$defs/t',
    },
    many(100, (i) => i).reduce<Json>((n) => ({ n, v: 1 }), {}),
  ],
  ['uniqueItems', { properties: { a: { uniqueItems: true } } }, { a: many(20_000, (i) => ({ i })) }],
  ['format url', { $vocabulary, properties: { a: { format: 'url' } } }, { a: `http://${':@'.repeat(20_000)}` }],
  [
    'wide anyOf, long array',
    { properties: { a: { items: { anyOf: many(200, (i) => ({ required: [`p${i}`] })) } } } },
    { a: many(50_000, () => ({ p199: 1 })) },
  ],
];

describe.each(BOMBS)('a bomb: %s', (_, schema, args) => {
  it('cannot hold the event loop, costs its time once and lets the call pass', async () => {
    const tool = compiled(schema);
    const first = timed(() => tool.check(args));
    expect(first.value).toBeUndefined();
    expect(first.ms).toBeLessThan(HELD_MS);
    expect(tool.warnings).toEqual([
      'inputSchema takes more than 50 ms to check: for 60 s only small arguments are checked',
    ]);
    const before = process.cpuUsage();
    await new Promise((resolve) => setImmediate(resolve));
    expect(process.cpuUsage(before).user).toBeLessThan(1_000 * HELD_MS);
    const later = timed(() => many(5, () => tool.check(args)));
    expect(later.value.every((errors) => errors === undefined)).toBe(true);
    expect(later.ms).toBeLessThan(HELD_MS);
    expect(tool.warnings).toHaveLength(1);
    expect(tool.unchecked()).toBe(6);
  });
});

describe('after a check that took too long', () => {
  it('small arguments are still checked where that is surely fast', () => {
    const tool = compiled({ properties: { a: { uniqueItems: true, items: { type: 'object' } } } });
    expect(tool.check({ a: many(20_000, (i) => ({ i })) })).toBeUndefined();
    expect(tool.check({ a: [{ i: 1 }, { i: 1 }] })?.map((error) => error.pointer)).toEqual(['/a']);
    expect(tool.check({ a: [{ i: 1 }, { i: 2 }] })).toBeUndefined();
    expect(tool.warnings).toHaveLength(1);
  });

  it('all arguments are checked again after a minute', () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] });
    try {
      const tool = compiled({ properties: { a: { pattern: '^(a+)+$' } } });
      const bomb = { a: `${'a'.repeat(60)}!` };
      expect(tool.check(bomb)).toBeUndefined();
      expect(tool.check({ a: 'b' })).toBeUndefined();
      expect(tool.unchecked()).toBe(2);
      jest.advanceTimersByTime(60_001);
      expect(tool.check({ a: 'b' })).toHaveLength(1);
      expect(tool.unchecked()).toBe(2);
      expect(tool.check(bomb)).toBeUndefined();
      expect(tool.check({ a: 'b' })).toBeUndefined();
      expect(tool.unchecked()).toBe(4);
      expect(tool.warnings).toHaveLength(2);
    } finally {
      jest.useRealTimers();
    }
  });

  it('other tools with the same schema are checked as before', () => {
    const schema = { properties: { a: { pattern: '^(a+)+$' } } };
    expect(compiled(schema).check({ a: `${'a'.repeat(60)}!` })).toBeUndefined();
    const tool = compiled(schema);
    expect(tool.check({ a: 'b' })).toHaveLength(1);
    expect(tool.check({ a: 'aa' })).toBeUndefined();
  });
});

describe('hostile arguments and schemas', () => {
  it('whose errors explode are answered with what was found first', () => {
    // Finding one error stops at once; finding all of them doubles at each level.
    const schema = fanOut('allOf');
    const tool = compiled(schema);
    const first = timed(() => tool.check({ z: 1 }));
    expect(first.value).toEqual([{ pointer: '/z', message: 'must be string' }]);
    expect(first.ms).toBeLessThan(HELD_MS);
    expect(timed(() => tool.check({ z: 1 })).ms).toBeLessThan(50);
    expect(tool.warnings).toEqual([]);
  });

  it.each([
    ['regex', '[\\p{L}\\p{N}]'.repeat(20_000)],
    ['email', `a@${'a.'.repeat(200_000)}!`],
    ['uri', `http://${'a'.repeat(400_000)} `],
    ['date-time', '2'.repeat(400_000)],
    ['uri-template', `{${'a,'.repeat(200_000)}`],
    ['json-pointer', `${'/~0'.repeat(100_000)}~`],
    ['hostname', 'a-'.repeat(200_000)],
  ])('with a long %s are checked in time', (format, text) => {
    const tool = compiled({ $vocabulary, properties: { a: { type: 'string', format } } });
    expect(timed(() => tool.check({ a: text })).ms).toBeLessThan(HELD_MS);
  });

  it('that nest 100,000 levels are refused, whatever the schema', () => {
    const args = JSON.parse(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`) as Json;
    const expected = [{ pointer: '', message: 'must not be nested in more than 200 levels' }];
    for (const schema of [
      { type: 'object' },
      undefined,
      { $ref: '#/none' },
      { properties: { a: { items: { $ref: '#' } } } },
    ]) {
      const { value, ms } = timed(() => compiled(schema).check(args));
      expect(value).toEqual(expected);
      expect(ms).toBeLessThan(HELD_MS);
    }
  });

  it('that nest 200 levels are checked', () => {
    const nest = (levels: number): Json => many(levels - 1, (i) => i).reduce<Json>((a) => ({ a }), {});
    const tool = compiled({ properties: { a: { $ref: '#' } }, additionalProperties: false });
    expect(tool.check(nest(200))).toBeUndefined();
    expect(tool.check(nest(201))).toHaveLength(1);
    expect(tool.warnings).toEqual([]);
  });

  it('that take too long to compile are given up after a second', () => {
    // Each definition is compiled by itself, which takes ten seconds in all.
    const names = many(5_500, (i) => i.toString(36));
    const $defs = Object.fromEntries(names.map((name) => [name, { not: {} }]));
    const tool = compiled({ $defs, anyOf: names.map((name) => ({ $ref: `#/$defs/${name}` })) });
    const { value, ms } = timed(() => tool.check({ a: -1 }));
    expect(value).toBeUndefined();
    // The limit is a second of processor time, of which a busy machine gives a part.
    expect(ms).toBeLessThan(6_000);
    expect(tool.warnings).toHaveLength(1);
    expect(timed(() => tool.check({ a: -1 })).ms).toBeLessThan(50);
  });

  it('cannot break out of the generated code', () => {
    const breakOut = `"];globalThis.broken=1;//`;
    const schema = {
      properties: {
        [breakOut]: { const: breakOut, format: breakOut, enum: [breakOut] },
        '`${globalThis.broken=1}`': { minimum: 1 },
      },
      required: [breakOut, { toString: breakOut }],
      dependentRequired: { [breakOut]: [breakOut] },
      $defs: { [breakOut]: { $anchor: 'x', $comment: breakOut } },
    };
    compiled(schema).check({ [breakOut]: breakOut });
    expect(globalThis).not.toHaveProperty('broken');
  });
});

describe('many tools', () => {
  it('are cheap until they are called', () => {
    const schemas = many(5_000, (n) => ({
      type: 'object',
      properties: Object.fromEntries(many(10, (i) => [`p${i}`, { type: 'string', description: `${n} ${i}` }])),
    }));
    const { value, ms } = timed(() =>
      schemas.map((schema) => compileArguments(schema, { warn: fail, unchecked: () => undefined })),
    );
    expect(value).toHaveLength(5_000);
    expect(ms).toBeLessThan(2_000);
  });
});

describe('tools that are gone', () => {
  it('leave nothing behind', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const gone = many(5, (i) => {
      const schema = {
        $id: 'https://example.com/x',
        properties: { a: { $ref: '#/$defs/x' } },
        $defs: { x: { pattern: `^(${i})+$` } },
      };
      expect(compiled(schema).check({ a: 'x' })).toHaveLength(1);
      return new WeakRef(schema);
    });
    await new Promise((resolve) => setImmediate(resolve));
    gc();
    expect(gone.map((schema) => schema.deref())).toEqual(gone.map(() => undefined));
  });
});

function fail(message: string): never {
  throw new Error(message);
}
