import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { canonicalJson } from '../../lib/cache/canonical-json';
import { JsonNumber } from '../../lib/util/exact-json';
import { SEED } from '../support/seed';

fc.configureGlobal({ seed: SEED });

const parse = (text: string): unknown => JSON.parse(text) as unknown;

/** RFC 8785 by the book: recursive, with the RFC's own sort over arrays of code units. */
function reference(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(reference).join(',')}]`;
  const units = (text: string): number[] => Array.from({ length: text.length }, (_, index) => text.charCodeAt(index));
  const compare = (a: number[], b: number[]): number => {
    const at = a.findIndex((unit, index) => unit !== b[index]);
    return at < 0 ? a.length - b.length : (a[at] ?? 0) - (b[at] ?? -1);
  };
  const members = Object.entries(value).sort(([a], [b]) => compare(units(a), units(b)));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${reference(member)}`).join(',')}}`;
}

/** Any text, lone surrogates included. */
const anyText = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) });
const specialKey = fc.constantFrom(
  '__proto__',
  'constructor',
  'toJSON',
  'then',
  '',
  '10',
  '9',
  '\u20ac',
  '\ud83d\ude00',
  '\ufb33',
);
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 5 },
    fc.oneof(
      anyText,
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
    ),
    fc.array(tie('json'), { maxLength: 5 }),
    fc
      .uniqueArray(fc.tuple(fc.oneof(anyText, specialKey), tie('json')), { selector: ([key]) => key, maxLength: 5 })
      .map((members) => Object.fromEntries(members)),
  ),
}));

/** The same JSON with its members in another order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  );
}

describe('canonicalJson', () => {
  it('is the text that RFC 8785 gives for its example', () => {
    const value = {
      numbers: [333333333.33333329, 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    };
    expect(canonicalJson(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it('sorts members by UTF-16 code units, as RFC 8785 section 3.2.3 shows', () => {
    const keys = ['\u20ac', '\r', '\ufb33', '1', '\ud83d\ude00', '\u0080', '\u00f6'];
    const sorted = ['\r', '1', '\u0080', '\u00f6', '\u20ac', '\ud83d\ude00', '\ufb33'];
    const text = canonicalJson(Object.fromEntries(keys.map((key) => [key, 0])));
    expect(text).toBe(`{${sorted.map((key) => `${JSON.stringify(key)}:0`).join(',')}}`);
  });

  it.each([
    [0, '0'],
    [-0, '0'],
    [5e-324, '5e-324'],
    [-5e-324, '-5e-324'],
    [1.7976931348623157e308, '1.7976931348623157e+308'],
    [9007199254740992, '9007199254740992'],
    [295147905179352830000, '295147905179352830000'],
    [1e21, '1e+21'],
    [9.999999999999997e22, '9.999999999999997e+22'],
    [999999999999999700000, '999999999999999700000'],
    [0.000001, '0.000001'],
    [1e-7, '1e-7'],
    [333333333.3333332, '333333333.3333332'],
  ])('writes the number %p as %s', (number, text) => {
    expect(canonicalJson(number)).toBe(text);
  });

  it.each([
    [9007199254740993n, '0.9007199254740993e16'],
    [new JsonNumber('9007199254740993.00'), '0.9007199254740993e16'],
    [new JsonNumber('-0.09007199254740993e17'), '-0.9007199254740993e16'],
    [9007199254740992n, '9007199254740992'],
    [new JsonNumber('1.50'), '1.5'],
    [10n ** 23n, '1e+23'],
    [new JsonNumber('1e400'), '0.1e401'],
    [new JsonNumber('-0'), '0'],
  ])('writes exact numbers by their value: %#', (number, text) => {
    expect(canonicalJson({ a: [number] })).toBe(`{"a":[${text}]}`);
  });

  it('agrees with a reference on any JSON', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(canonicalJson(value)).toBe(reference(value));
      }),
      { numRuns: 1_000 },
    );
  });

  it('is JSON for the same value', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(parse(canonicalJson(value))).toEqual(parse(JSON.stringify(value)));
      }),
    );
  });

  it('does not depend on the order of members', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(canonicalJson(reversed(value))).toBe(canonicalJson(value));
      }),
    );
  });

  it('tells two values apart exactly when their JSON differs', () => {
    fc.assert(
      fc.property(json, json, (a, b) => {
        const same = reference(a) === reference(b);
        expect(canonicalJson(a) === canonicalJson(b)).toBe(same);
      }),
    );
  });

  it('keeps lone surrogates apart, which UTF-8 would not', () => {
    const texts = ['\ud800', '\ud801', '\udc00', '\ufffd', '\udc00\ud800'].map((text) => canonicalJson(text));
    expect(new Set(texts.map((text) => Buffer.from(text).toString('hex'))).size).toBe(texts.length);
  });

  it('takes __proto__ for a name like any other', () => {
    expect(canonicalJson(parse('{"b":1,"__proto__":{"a":2}}'))).toBe('{"__proto__":{"a":2},"b":1}');
    expect(canonicalJson({})).toBe('{}');
  });

  it('leaves out members that are undefined', () => {
    expect(canonicalJson({ b: undefined, a: 1, c: undefined })).toBe('{"a":1}');
    expect(canonicalJson({ b: undefined })).toBe('{}');
  });

  it('takes plain objects of another realm and without a prototype', () => {
    expect(canonicalJson(runInNewContext('({ b: [1], a: {} })'))).toBe('{"a":{},"b":[1]}');
    expect(canonicalJson(Object.assign(Object.create(null) as object, { b: 1, a: 2 }))).toBe('{"a":2,"b":1}');
  });

  it('follows nesting deeper than the stack', () => {
    const depth = 200_000;
    const text = '[{"a":'.repeat(depth) + '1' + '}]'.repeat(depth);
    expect(canonicalJson(parse(text)) === text).toBe(true);
  });

  it('takes the same value in several places', () => {
    const shared = { a: [1] };
    expect(canonicalJson([shared, shared, { b: shared }])).toBe('[{"a":[1]},{"a":[1]},{"b":{"a":[1]}}]');
  });

  it('takes strings of 1 MB', () => {
    const text = '"\u00e9\n\\'.repeat(250_000);
    expect(canonicalJson({ text }) === JSON.stringify({ text })).toBe(true);
  });

  const circle: Record<string, unknown> = { first: [1, {}] };
  circle['second'] = [{ circle }];
  it.each([
    ['NaN', NaN, 'not a JSON value: NaN'],
    ['Infinity', [-Infinity], 'not a JSON value: -Infinity'],
    ['undefined', undefined, 'not a JSON value: undefined'],
    ['undefined in an array', [undefined], 'not a JSON value: undefined'],
    ['a function', { a: (): void => undefined }, 'not a JSON value: function'],
    ['a symbol', Symbol('s'), 'not a JSON value: symbol'],
    ['a Date', { at: new Date(0) }, 'not a JSON value: an instance of a class'],
    ['a Map', new Map([['a', 1]]), 'not a JSON value: an instance of a class'],
    ['a value that contains itself', circle, 'not a JSON value: contains itself'],
  ])('refuses %s', (_what, value, message) => {
    expect(() => canonicalJson(value)).toThrow(new TypeError(message));
  });
});
