import fc from 'fast-check';

/** A JSON value that may be anything. */
export type Json = unknown;

/** Names that mean something to JavaScript, JSON Schema or a URL. */
export const ODD_NAMES = [
  ...['__proto__', 'constructor', 'toString', 'valueOf', 'hasOwnProperty', 'prototype', 'toJSON', 'length', 'then'],
  ...['$ref', '$id', '$defs', 'type', 'properties', '_meta', 'id', 'nullable', 'content', 'isError'],
  ...[
    '',
    ' ',
    '.',
    '..',
    '/',
    'a/b',
    '~',
    '~0',
    '%',
    '%2e',
    '?',
    '#',
    '"',
    '\\',
    "'",
    '`',
    '${x}',
    '\n',
    '\0',
    '\u2028',
  ],
  ...['é', '𝒳', '\u202e', '\ufeff', '\ufffd', '\ud800', '\udc00', 'a\udfffb'],
] as const;

const ODD_TEXTS = [
  ...ODD_NAMES,
  ...[
    'x',
    'true',
    'null',
    '-0',
    '1e400',
    '12345678901234567890',
    '{"a":1}',
    '[1,2',
    '[]',
    '{}',
    '"q"',
    '1 ',
    ' {"a":[]} ',
  ],
  ...['{"a":"\ud800","n":1e400}', '["\udc00",12345678901234567890]', '{"twice":1,"twice":2}', '{"__proto__":{"x":1}}'],
  ...['2020-02-30', 'a@b', '127.0.0.1', 'http://x', '\r\nX-Injected: 1', 'data:,', '</script>', 'MCP error -32602: x'],
];

const ODD_NUMBERS = [
  ...[0, -0, 1, -1, 2, 3, 0.1, 1.5, 1e21, 1e-7, 1e308, -1e308, 5e-324, 2 ** 31, 2 ** 53, -(2 ** 53), 2 ** 53 + 2],
];

/** Of any code points, and of any UTF-16 code units: fast-check's own take a second to get ready. */
const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.array(fc.nat(0x10ffff), { maxLength: 6 }).map((points) => String.fromCodePoint(...points)),
  fc.array(fc.nat(0xffff), { maxLength: 6 }).map((units) => String.fromCharCode(...units)),
);

/** Short names, most of them from a small set so that they meet. */
export const name: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('a', 'b', 'c') },
  { weight: 2, arbitrary: fc.constantFrom(...ODD_NAMES) },
  { weight: 1, arbitrary: anyText },
);

/** Texts: plain, odd, in any script, with lone surrogates, and some that are JSON. */
export const text: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...ODD_TEXTS) },
  { weight: 1, arbitrary: fc.stringMatching(/^[ -~]{0,12}$/) },
  { weight: 1, arbitrary: anyText },
);

/** What is neither an array nor an object. */
export const scalar: fc.Arbitrary<Json> = fc.oneof(
  { weight: 3, arbitrary: text },
  { weight: 2, arbitrary: fc.constantFrom(...ODD_NUMBERS) },
  { weight: 1, arbitrary: fc.integer() },
  { weight: 1, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }) },
  { weight: 2, arbitrary: fc.constantFrom(true, false, null) },
);

/** An object with these members, those called `__proto__` included. */
export function objectOf(entries: readonly (readonly [string, Json])[]): Record<string, Json> {
  const object: Record<string, Json> = {};
  for (const [key, value] of entries) {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return object;
}

/** Objects with random names of members. */
export function objects(value: fc.Arbitrary<Json>, maxKeys = 3): fc.Arbitrary<Record<string, Json>> {
  return fc.array(fc.tuple(name, value), { maxLength: maxKeys }).map(objectOf);
}

/** Any JSON value, a few levels deep. */
export const json: fc.Arbitrary<Json> = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { weight: 4, arbitrary: scalar },
    { weight: 1, arbitrary: fc.array(tie('json'), { maxLength: 3 }) },
    { weight: 2, arbitrary: objects(tie('json')) },
  ),
})).json;

/** A value nested in so many arrays or objects. */
export function nested(levels: number, value: Json = 1, key?: string): Json {
  let made = value;
  for (let level = 0; level < levels; level += 1) made = key === undefined ? [made] : objectOf([[key, made]]);
  return made;
}

/** Any value, seldom a deep or a large one. */
export const wild: fc.Arbitrary<Json> = fc.oneof(
  { weight: 60, arbitrary: json },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(150, 199, 200, 250, 3_000), fc.option(name)).map(deep) },
  { weight: 1, arbitrary: fc.constantFrom(2_000, 70_000).map((length) => 'x\u00e9"'.repeat(length / 3)) },
  { weight: 1, arbitrary: fc.constantFrom(100, 5_000).map((length) => Array.from({ length }, (_, index) => index)) },
);

function deep([levels, key]: [number, string | null]): Json {
  return nested(levels, 1, key ?? undefined);
}
