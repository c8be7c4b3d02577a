import fc from 'fast-check';
import { jsonEqual } from '../../../lib/mcp/schema/compile';
import { compileArguments } from '../../../lib/mcp/schema/arguments';
import { json, objectOf } from '../../support/fuzz-values';
import { SEED } from '../../support/seed';

fc.configureGlobal({ seed: SEED });

type Args = Record<string, unknown>;

const DIALECTS = [
  ...['http://json-schema.org/draft-04/schema#', 'http://json-schema.org/draft-06/schema#'],
  ...['http://json-schema.org/draft-07/schema#', 'https://json-schema.org/draft/2019-09/schema'],
  ...['https://json-schema.org/draft/2020-12/schema'],
];
/** Members that decide how JavaScript itself compares and prints an object. */
const NAMES = ['valueOf', 'toString', 'constructor', '__proto__', 'toJSON', 'hasOwnProperty'];

function parse(text: string): unknown {
  return JSON.parse(text);
}

describe.each(DIALECTS)('in %s', ($schema) => {
  describe.each(NAMES)('a member called %s', (name) => {
    const odd = (value: unknown): Args => objectOf([[name, value]]);

    it.each([
      ['enum', { enum: [{ b: 1 }, odd(1)] }],
      ['const', $schema.includes('draft-04') ? { enum: [odd(1)] } : { const: odd(1) }],
    ])('is compared like any other by %s', (_, a) => {
      const warn = jest.fn();
      const tool = compileArguments({ $schema, type: 'object', properties: { a } }, { warn, unchecked: warn });
      expect(tool.check({ a: odd(1) })).toBeUndefined();
      for (const value of [odd(2), odd(null), odd({}), odd([1]), {}, [], 1, 'x', null]) {
        expect(tool.check({ a: value })).toHaveLength(1);
      }
      expect(warn).not.toHaveBeenCalled();
    });

    it('is compared like any other by uniqueItems', () => {
      const warn = jest.fn();
      const properties = { a: { uniqueItems: true } };
      const tool = compileArguments({ $schema, type: 'object', properties }, { warn, unchecked: warn });
      expect(tool.check({ a: [odd(1), odd(2), odd({}), {}, [], { b: 1 }] })).toBeUndefined();
      expect(tool.check({ a: [odd(1), {}, odd(1)] })).toHaveLength(1);
      expect(tool.check({ a: [odd({ c: 1 }), odd({ c: 1 })] })).toHaveLength(1);
      expect(warn).not.toHaveBeenCalled();
    });
  });
});

describe('JSON values', () => {
  it('are equal to what they are written and read as', () => {
    fc.assert(fc.property(json, (value) => jsonEqual(value, parse(JSON.stringify(value)))));
  });

  it.each([
    ['{"a":1,"b":[{}]}', '{"b":[{}],"a":1}', true],
    ['0', '-0', true],
    ['1', '"1"', false],
    ['null', '{}', false],
    ['[]', '{}', false],
    ['{}', '[]', false],
    ['["x"]', '{"0":"x"}', false],
    ['{"0":"x"}', '["x"]', false],
    ['[1,2]', '[1]', false],
    ['[1]', '[1,2]', false],
    ['[1,2]', '[2,1]', false],
    ['{"a":1}', '{"a":1,"b":2}', false],
    ['{"a":1,"b":2}', '{"a":1}', false],
    ['{"a":{}}', '{"toString":{}}', false],
    ['{"__proto__":1}', '{"__proto__":2}', false],
    ['{"__proto__":{}}', '{"a":{}}', false],
  ])('%s, %s: %s', (one, other, expected) => {
    expect(jsonEqual(parse(one), parse(other))).toBe(expected);
  });
});
