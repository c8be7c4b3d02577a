import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CompiledArguments, compileArguments } from '../../../lib/mcp/schema/arguments';

/** Makes `format` an assertion. */
const $vocabulary = { 'https://json-schema.org/draft/2020-12/vocab/format-assertion': true };

type Compiled = CompiledArguments & { readonly warnings: readonly string[]; readonly unchecked: () => number };

function compiled(schema: unknown): Compiled {
  const warnings: string[] = [];
  let count = 0;
  const options = { warn: (message: string) => void warnings.push(message), unchecked: () => void (count += 1) };
  return { ...compileArguments(schema, options), warnings, unchecked: () => count };
}

function parse(json: string): Record<string, unknown> {
  return JSON.parse(json) as Record<string, unknown>;
}

/** Where something is wrong. */
function pointers(schema: unknown, args: Record<string, unknown>): readonly string[] | undefined {
  return compiled(schema)
    .check(args)
    ?.map((error) => error.pointer);
}

describe('what is wrong with arguments', () => {
  it('is nothing when they fit', () => {
    const tool = compiled({ type: 'object', properties: { a: { type: 'string' } }, required: ['a'] });
    expect(tool.check({ a: 'x', extra: 1 })).toBeUndefined();
    expect(tool.warnings).toEqual([]);
  });

  it.each([
    ['a missing property', { required: ['a/b~c'] }, {}, '/a~1b~0c', 'is required'],
    ['a property too many', { additionalProperties: false }, { 'x/y': 1 }, '/x~1y', 'is not allowed'],
    ['an unevaluated property', { unevaluatedProperties: false }, { x: 1 }, '/x', 'is not allowed'],
    ['a forbidden property', { properties: { x: false } }, { x: 1 }, '/x', 'is not allowed'],
    ['a missing companion', { dependentRequired: { a: ['b'] } }, { a: 1 }, '/b', 'is required beside "a"'],
    ['a type', { properties: { a: { type: ['string', 'null'] } } }, { a: 1 }, '/a', 'must be string or null'],
    ['an enum', { properties: { a: { enum: ['x', 2] } } }, { a: 1 }, '/a', 'must be one of "x", 2'],
    ['a constant', { properties: { a: { const: { b: 1 } } } }, { a: 1 }, '/a', 'must be {"b":1}'],
    [
      'a property name',
      { propertyNames: { maxLength: 2 } },
      { abc: 1 },
      '/abc',
      'its name must NOT have more than 2 characters',
    ],
    [
      'a format',
      { $vocabulary, properties: { a: { format: 'email' } } },
      { a: 'x' },
      '/a',
      'must match format "email"',
    ],
    ['the body itself', { minProperties: 1 }, {}, '', 'must NOT have fewer than 1 properties'],
    ['an item', { properties: { a: { items: { minimum: 3 } } } }, { a: [3, 2] }, '/a/1', 'must be >= 3'],
  ])('is told for %s', (_, schema, args, pointer, message) => {
    expect(compiled({ type: 'object', ...schema }).check(args)).toEqual([{ pointer, message }]);
  });

  it('is told in full, each thing once', () => {
    const text = { type: 'string' };
    const schema = { type: 'object', properties: { a: text, b: { anyOf: [text, text] } }, required: ['c'] };
    expect(compiled(schema).check({ a: 1, b: 1 })).toEqual([
      { pointer: '/c', message: 'is required' },
      { pointer: '/a', message: 'must be string' },
      { pointer: '/b', message: 'must be string' },
      { pointer: '/b', message: 'must match a schema in anyOf' },
    ]);
  });

  it('is told of at most 20 things', () => {
    const args = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`p${i}`, i]));
    expect(compiled({ type: 'object', additionalProperties: { type: 'string' } }).check(args)).toHaveLength(20);
  });

  it('is told of the first thing only when the arguments are large', () => {
    const schema = { type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } } };
    expect(compiled(schema).check({ text: 'x'.repeat(20_000), a: 1, b: 1 })).toHaveLength(1);
  });

  it('is told in short messages, and at pointers of a useful length', () => {
    const long = 'x'.repeat(5_000);
    const schema = { properties: { a: { additionalProperties: false, properties: { b: { enum: [long, long] } } } } };
    const errors = compiled(schema).check({ a: { b: 1, [long]: 1 } });
    expect(errors?.map(({ pointer, message }) => [pointer, message.length])).toEqual([
      ['/a', 'is not allowed'.length],
      ['/a/b', 200],
    ]);
  });

  it('never changes the arguments', () => {
    const schema = { properties: { n: { type: 'number' }, d: { default: 5 } }, additionalProperties: false };
    const args = { n: '1', x: { y: 1 } };
    compiled(schema).check(args);
    expect(args).toEqual({ n: '1', x: { y: 1 } });
  });

  it('takes names of Object.prototype as ordinary properties', () => {
    const names = ['constructor', '__proto__', 'toString'];
    const tool = compiled({ type: 'object', required: names });
    expect(tool.check({})?.map((error) => error.pointer)).toEqual(names.map((name) => `/${name}`));
    expect(tool.check(parse('{"constructor":1,"__proto__":1,"toString":1}'))).toBeUndefined();
    expect(pointers({ additionalProperties: false }, parse('{"__proto__":1}'))).toEqual(['/__proto__']);
    expect(pointers({ properties: { constructor: { type: 'string' } } }, {})).toBeUndefined();
  });
});

describe('dialects', () => {
  const exclusive = { properties: { a: { minimum: 3, exclusiveMinimum: true } } };
  const tuple = { properties: { a: { items: [{ type: 'string' }] } } };
  const prefix = { properties: { a: { prefixItems: [{ type: 'string' }] } } };

  it.each([
    ['http://json-schema.org/draft-04/schema#', exclusive, { a: 3 }],
    ['https://json-schema.org/draft-04/schema', exclusive, { a: 3 }],
    ['http://json-schema.org/draft-06/schema#', tuple, { a: [1] }],
    ['http://json-schema.org/draft-07/schema#', tuple, { a: [1] }],
    ['https://json-schema.org/draft-07/schema', tuple, { a: [1] }],
    ['https://json-schema.org/draft/2019-09/schema', tuple, { a: [1] }],
    ['https://json-schema.org/draft/2020-12/schema', prefix, { a: [1] }],
    ['https://json-schema.org/draft/2020-12/schema#', prefix, { a: [1] }],
    ['https://example.com/of-our-own', prefix, { a: [1] }],
    [undefined, prefix, { a: [1] }],
    [7, prefix, { a: [1] }],
  ])('%s is understood', ($schema, schema, wrong) => {
    const tool = compiled({ $schema, ...schema });
    expect(tool.check(wrong)).toHaveLength(1);
    expect(tool.check({ a: tuple === schema || prefix === schema ? ['x'] : 4 })).toBeUndefined();
    expect(tool.warnings).toEqual([]);
  });

  it('ignores formats and keywords that nobody knows', () => {
    const tool = compiled({ id: 'x', 'x-hint': {}, properties: { a: { type: 'string', format: 'colour' } } });
    expect(tool.check({ a: 'red' })).toBeUndefined();
    expect(tool.check({ a: 1 })).toHaveLength(1);
    expect(tool.warnings).toEqual([]);
  });

  it.each([
    ['uri', 'https://example.com/straße'],
    ['date-time', '2024-01-01T00:00:00'],
    ['email', 'x'],
    ['regex', '('],
  ])('take the format %s for an annotation', (format, a) => {
    const tool = compiled({ properties: { a: { type: 'string', format } } });
    expect(tool.check({ a })).toBeUndefined();
    expect(tool.check({ a: 1 })).toHaveLength(1);
    expect(tool.warnings).toEqual([]);
  });

  it('checks formats where $vocabulary asserts them', () => {
    const schema = {
      $vocabulary,
      properties: { a: { format: 'date-time' }, b: { format: 'regex' }, c: { format: 'uuid' } },
    };
    expect(pointers(schema, { a: '2026-02-30T00:00:00Z', b: '(', c: 'x' })).toEqual(['/a', '/b', '/c']);
    expect(pointers(schema, { a: '2026-02-28T00:00:00Z', b: '^a\\-$' })).toBeUndefined();
  });

  it('takes a pattern that is none in Unicode mode', () => {
    const tool = compiled({ properties: { a: { pattern: '^[\\w-.]+\\-$' } } });
    expect(tool.check({ a: 'b' })).toHaveLength(1);
    expect(tool.check({ a: 'b-' })).toBeUndefined();
  });
});

describe('references', () => {
  it('lead to any place of the schema', () => {
    const schema = {
      properties: {
        a: { type: 'string' },
        b: { $ref: '#/properties/a' },
        c: { $ref: '#/definitions/x~1y' },
        d: { $ref: '#/$defs/a%20b' },
        e: { $ref: '#here' },
      },
      definitions: { 'x/y': { type: 'string' } },
      $defs: { 'a b': { type: 'string' }, e: { $anchor: 'here', type: 'string' } },
    };
    expect(pointers(schema, { a: 1, b: 1, c: 1, d: 1, e: 1 })).toEqual(['/a', '/b', '/c', '/d', '/e']);
    expect(pointers(schema, { a: 'x', b: 'x', c: 'x', d: 'x', e: 'x' })).toBeUndefined();
  });

  it('may be circular', () => {
    const schema = {
      properties: { tree: { $ref: '#/$defs/tree' }, all: { $ref: '#' } },
      $defs: { tree: { required: ['n'], properties: { kids: { items: { $ref: '#/$defs/tree' } } } } },
    };
    expect(pointers(schema, { all: { tree: { n: 1, kids: [{ n: 1 }, {}] } } })).toEqual(['/all/tree/kids/1/n']);
  });

  it('may be dynamic', () => {
    const schema = { $dynamicAnchor: 'node', properties: { n: { type: 'number' }, next: { $dynamicRef: '#node' } } };
    expect(pointers(schema, { next: { next: { n: 'x' } } })).toEqual(['/next/next/n']);
  });

  it('of two tools with the same $id do not meet', () => {
    const $id = 'https://example.com/schema';
    const one = compiled({ $id, $ref: '#/$defs/x', $defs: { x: { required: ['a'] } } });
    const two = compiled({ $id, $ref: '#/$defs/x', $defs: { x: { required: ['b'] } } });
    for (let round = 0; round < 2; round += 1) {
      expect(one.check({})).toEqual([{ pointer: '/a', message: 'is required' }]);
      expect(two.check({})).toEqual([{ pointer: '/b', message: 'is required' }]);
    }
    expect([...one.warnings, ...two.warnings]).toEqual([]);
  });

  it('are never fetched', async () => {
    let requests = 0;
    const server = createServer(() => (requests += 1));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const tool = compiled({ $ref: `http://127.0.0.1:${(server.address() as AddressInfo).port}/schema.json` });
      expect(tool.check({ a: 1 })).toBeUndefined();
      expect(tool.warnings).toHaveLength(1);
      await new Promise((resolve) => setImmediate(resolve));
      expect(requests).toBe(0);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

const NO_PATTERN = (at: string): string => `${at} is not a regular expression that can be used`;
const NOT_TAKEN = (at: string): string => `${at} has a value that the keyword does not take`;

describe('a schema that cannot be used', () => {
  const nested = (levels: number): Record<string, unknown> => {
    let schema: Record<string, unknown> = { type: 'object' };
    for (let level = 1; level < levels; level += 1) schema = { not: schema };
    return schema;
  };

  it.each([
    ['remote reference', { a: { $ref: 'https://example.com/x' } }, '/properties/a/$ref leads nowhere in the schema'],
    ['reference to nowhere', { a: { $ref: '#/$defs/none' } }, '/properties/a/$ref leads nowhere in the schema'],
    ['malformed reference', { a: { $ref: '#/%zz/x' } }, '/properties/a/$ref leads nowhere in the schema'],
    ['reference that is none', { a: { $ref: 7 } }, '/properties/a/$ref is not a text'],
    ['pattern of another language', { a: { pattern: '(?P<x>a)' } }, NO_PATTERN('/properties/a/pattern')],
    ['pattern beyond reason', { a: { pattern: 'a'.repeat(3_000) } }, NO_PATTERN('/properties/a/pattern')],
    ['pattern of names', { a: { patternProperties: { '(': false } } }, NO_PATTERN('/properties/a/patternProperties/(')],
    ['type that does not exist', { a: { type: 'strin' } }, NOT_TAKEN('/properties/a/type')],
    ['keyword of the wrong type', { a: { required: 'a' } }, NOT_TAKEN('/properties/a/required')],
    [
      'schema that is none',
      { 'a/b': { type: 'x', not: 1 } },
      `${NOT_TAKEN('/properties/a~1b/type')}; ${NOT_TAKEN('/properties/a~1b/not')}`,
    ],
    ['nullable without a type', { a: { nullable: true } }, NOT_TAKEN('/properties/a/nullable')],
  ])('in part because of a %s is checked but for that part, and is told once', (_, properties, fault) => {
    const schema = {
      properties: { ...properties, n: { type: 'number' } },
      required: ['n'],
      additionalProperties: false,
    };
    const tool = compiled(schema);
    expect(tool.warnings).toEqual([]);
    expect(tool.check({ [Object.keys(properties)[0] ?? '']: 'x', n: 1 })).toBeUndefined();
    expect(tool.check({ n: 'x', z: 1 })?.map(({ pointer }) => pointer)).toEqual(['/z', '/n']);
    expect(tool.check({})).toEqual([{ pointer: '/n', message: 'is required' }]);
    expect(tool.warnings).toEqual([`inputSchema is checked without these parts: ${fault}`]);
    expect(tool.inputSchema).toBe(schema);
    expect(tool.unchecked()).toBe(0);
  });

  it.each([
    ['what must not match', { not: { type: 'string', pattern: '(' } }, 'x'],
    ['one of several', { oneOf: [{ type: 'string' }, { type: 'strin' }] }, 'x'],
    ['a condition', { if: { $ref: '#/none' }, then: false }, 'x'],
    ['how many match', { contains: { pattern: '(' }, maxContains: 1 }, ['x', 'y']],
    ['names by pattern', { patternProperties: { '(': {} }, additionalProperties: false }, { x: 1 }],
    ['what another schema knows', { allOf: [{ $ref: '#/none' }], unevaluatedProperties: false }, { x: 1 }],
  ])('in part never rejects more than the whole: %s', (_, a, value) => {
    const $schema = 'https://json-schema.org/draft/2020-12/schema';
    const tool = compiled({ $schema, properties: { a, n: { type: 'number' } } });
    expect(tool.check({ a: value, n: 1 })).toBeUndefined();
    expect(tool.check({ a: value, n: 'x' })).toEqual([{ pointer: '/n', message: 'must be number' }]);
    expect(tool.warnings).toHaveLength(1);
  });

  it('in many parts names five of them', () => {
    const tool = compiled({ properties: Object.fromEntries(Array.from({ length: 9 }, (_, n) => [n, { type: 'x' }])) });
    expect(tool.check({ a: 1 })).toBeUndefined();
    expect(tool.warnings).toEqual([expect.stringMatching(/\/properties\/4\/type [^;]+; and 4 more$/)]);
  });

  it('because of $async is checked without', () => {
    const tool = compiled({ $async: true, properties: { a: { type: 'number' } } });
    expect(tool.check({ a: 'x' })).toHaveLength(1);
    expect(tool.warnings).toEqual(['inputSchema is checked without these parts: /$async is not supported']);
  });

  it('because it refers to itself lets all arguments pass, and is told once', () => {
    const tool = compiled({ $ref: '#' });
    expect(tool.check({ a: 'x' })).toBeUndefined();
    expect(tool.check({ a: 'x' })).toBeUndefined();
    expect(tool.warnings).toEqual([
      expect.stringMatching(/^inputSchema cannot be used \(.+\): arguments are not checked$/),
    ]);
    expect(tool.unchecked()).toBe(2);
  });

  it('cannot write control characters or a novel into the log', () => {
    const tool = compiled({ properties: { [`\u001b[31m\n${'x'.repeat(10_000)}`]: { type: 'x' } } });
    tool.check({});
    expect(tool.warnings[0]).not.toMatch(/\p{Cc}/u);
    expect(tool.warnings[0]?.length).toBeLessThan(300);
  });

  it.each([
    ['is not a JSON Schema object', undefined],
    ['is not a JSON Schema object', null],
    ['is not a JSON Schema object', true],
    ['is not a JSON Schema object', 'object'],
    ['is not a JSON Schema object', []],
    ['is nested in more than 64 levels', nested(65)],
    ['is nested in more than 64 levels', nested(5_000)],
    ['is larger than 256 KiB', { required: ['a'], description: 'é'.repeat(128 * 1024) }],
  ])('because it %s stands for any object', (fault, schema) => {
    const tool = compiled(schema);
    expect(tool.warnings).toEqual([`inputSchema ${fault}: any object is accepted`]);
    expect(tool.inputSchema).toEqual({ type: 'object' });
    expect(tool.takesArguments).toBe(true);
    expect(tool.check({ a: 1 })).toBeUndefined();
  });

  it('is none with 64 levels or nearly 256 KiB', () => {
    expect(compiled(nested(64)).warnings).toEqual([]);
    const large = compiled({ required: ['a'], description: 'x'.repeat(256 * 1024 - 100) });
    expect(large.check({})).toHaveLength(1);
    expect(large.warnings).toEqual([]);
  });
});

describe('a tool takes arguments', () => {
  it.each<[boolean, Record<string, unknown>]>([
    [false, { type: 'object' }],
    [false, { type: 'object', properties: {} }],
    [false, { type: 'object', properties: {}, additionalProperties: false }],
    [false, { $schema: 'http://json-schema.org/draft-07/schema#', type: 'object', additionalProperties: false }],
    [false, { type: 'object', title: 'none', description: 'none', required: [], minProperties: 0, $defs: {} }],
    [true, { type: 'object', properties: { a: {} } }],
    [true, parse('{"properties":{"__proto__":{}}}')],
    [true, { type: 'object', additionalProperties: true }],
    [true, { type: 'object', additionalProperties: {} }],
    [true, { type: 'object', unevaluatedProperties: { type: 'string' } }],
    [true, { type: 'object', patternProperties: { '^a': {} } }],
    [true, { type: 'object', required: ['a'] }],
    [true, { type: 'object', minProperties: 1 }],
    [true, { type: 'object', anyOf: [{ properties: { a: {} } }] }],
    [true, { type: 'object', oneOf: [{}] }],
    [true, { type: 'object', allOf: [{}] }],
    [true, { $ref: '#/$defs/x', $defs: { x: {} } }],
    [true, { if: {}, then: { required: ['a'] } }],
  ])('%s: %j', (expected, schema) => {
    expect(compiled(schema).takesArguments).toBe(expected);
  });
});
