import { measure, weigh } from '../../../lib/mcp/schema/cost';

const $vocabulary = { 'https://json-schema.org/draft/2020-12/vocab/format-assertion': true };

describe('measure', () => {
  it('counts values, keys and characters', () => {
    expect(measure(null, 0)).toBe(1);
    expect(measure('abc', 0)).toBe(4);
    expect(measure([1, true, ''], 1)).toBe(4);
    expect(measure({ ab: [1], c: {} }, 2)).toBe(1 + (1 + 2 + 2) + (1 + 1 + 1));
    expect(measure(JSON.parse('{"__proto__":"abc"}'), 1)).toBe(1 + 10 + 4);
  });

  it('is infinite beyond the depth', () => {
    expect(measure([[]], 2)).toBe(2);
    expect(measure([[]], 1)).toBe(Infinity);
    expect(measure({ a: { b: 1 } }, 1)).toBe(Infinity);
  });
});

describe('weigh', () => {
  it('counts a definition as often as it is used', () => {
    const of = (uses: number): number => {
      const allOf = Array.from({ length: uses }, () => ({ $ref: '#/$defs/x' }));
      return weigh({ allOf, $defs: { x: { properties: { a: { type: 'string' } } } } }).linear;
    };
    expect(of(3) - of(2)).toBe(of(2) - of(1));
    expect(of(2) - of(1)).toBeGreaterThan(5);
  });

  it('multiplies along references', () => {
    const $defs: Record<string, unknown> = { a0: { type: 'string' } };
    for (let level = 1; level <= 40; level += 1) {
      $defs[`a${level}`] = { allOf: [{ $ref: `#/$defs/a${level - 1}` }, { $ref: `#/$defs/a${level - 1}` }] };
    }
    expect(weigh({ $ref: '#/$defs/a40', $defs }).linear).toBeGreaterThan(2 ** 40);
  });

  it.each([
    { uniqueItems: true },
    { format: 'email' },
    { pattern: '^[a-z]+$' },
    { pattern: 'abc' },
    { pattern: '\\d{4}' },
  ])('knows what is quadratic: %j', (keyword) => {
    const { linear, quadratic } = weigh({ $vocabulary, properties: { a: keyword } });
    expect(linear).toBeLessThan(15);
    expect(quadratic).toBeGreaterThan(0);
  });

  it.each([
    { pattern: '^(a+)+$' },
    { pattern: '^a*b*$' },
    { pattern: '(a)\\1' },
    { patternProperties: {} },
    { format: 'url' },
    { format: 'regex' },
    { $ref: '#' },
    { $ref: '#/' },
    { $ref: '#/properties/a' },
    { $ref: '#/properties' },
    { $ref: '#/none' },
    { $ref: '#/%24defs/x' },
    { $ref: '#name' },
    { $ref: 'https://example.com/x' },
    { $dynamicRef: '#x' },
    { $recursiveRef: '#' },
    { $id: 'https://example.com/x' },
  ])('promises nothing for %j', (keyword) => {
    expect(weigh({ $vocabulary, properties: { a: keyword }, $defs: { x: {} } }).linear).toBe(Infinity);
  });

  it('takes a format that is an annotation for nothing', () => {
    expect(weigh({ properties: { a: { format: 'url' } } })).toEqual(weigh({ properties: { a: { title: 'url' } } }));
  });

  it('is not misled by properties that are named like keywords', () => {
    const names = ['$ref', '$id', 'id', 'pattern', 'format', '$dynamicRef'];
    const schema = { $id: 'x', properties: Object.fromEntries(names.map((name) => [name, { type: 'string' }])) };
    expect(weigh(schema)).toEqual({ linear: expect.any(Number) as number, quadratic: 0 });
    expect(weigh(schema).linear).toBeLessThan(50);
  });
});
