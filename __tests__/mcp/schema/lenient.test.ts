import { compileArguments } from '../../../lib/mcp/schema/arguments';
import { type Lenient, readLeniently } from '../../../lib/mcp/schema/lenient';

type Json = Record<string, unknown>;

function read(properties: Json, args: Json, rest: Json = {}): Lenient {
  const options = { warn: fail, unchecked: fail };
  const compiled = compileArguments({ type: 'object', properties, ...rest }, options);
  const check = (each: Json): ReturnType<typeof compiled.check> => compiled.check(each);
  const errors = check(args);
  return errors ? readLeniently(args, errors, check) : { args, at: [], errors };
}

const fail = (): never => {
  throw new Error('the schema is fine');
};

describe('read leniently', () => {
  it.each<[string, Json, unknown, unknown]>([
    ['a number', { type: 'number' }, '5', 5],
    ['an integer', { type: 'integer' }, ' 5.0 ', 5],
    ['a number with an exponent', { type: 'number' }, '-1.50e2', -150],
    ['a decimal', { type: 'number' }, '0.1', 0.1],
    ['a boolean', { type: 'boolean' }, 'false', false],
    ['an array', { type: 'array', items: { type: 'string' } }, '["a"]', ['a']],
    ['an object', { type: 'object', required: ['b'] }, '{"b":"c"}', { b: 'c' }],
    ['one of several types', { anyOf: [{ type: 'null' }, { $ref: '#/$defs/n' }] }, '7', 7],
    ['a text where a number fits too', { type: ['string', 'number'], minLength: 3 }, '12', 12],
  ])('%s is what it stands for', (_, schema, text, value) => {
    const { args, at, errors } = read({ a: schema }, { a: text, b: '1' }, { $defs: { n: { type: 'number' } } });
    expect([args, at, errors]).toEqual([{ a: value, b: '1' }, ['/a'], undefined]);
  });

  it.each<[string, Json, unknown]>([
    ['a text that fits', { type: ['string', 'number'] }, '5'],
    ['null that fits', { type: ['string', 'null'] }, null],
  ])('%s stays', (_, schema, value) => {
    expect(read({ a: schema }, { a: value })).toEqual({ args: { a: value }, at: [], errors: undefined });
  });

  it.each<[string, Json, unknown]>([
    ['a number out of bounds', { type: 'number', maximum: 4 }, '5'],
    ['a number that no double holds', { type: 'number' }, '9007199254740993'],
    ['one among others', { type: 'array' }, '["9007199254740993", 9007199254740993]'],
    ['one beyond all doubles', { type: 'number' }, '1e999'],
    ['what is no JSON', { type: 'number' }, '0x10'],
    ['an array of the wrong kind', { type: 'array', items: { type: 'string' } }, '[1]'],
    ['null in words', { type: 'number' }, 'null'],
    ['a text in quotes', { type: 'string', maxLength: 3 }, '"abc"'],
    ['another type', { type: 'string' }, 5],
  ])('%s is an error as ever', (_, schema, value) => {
    const { args, at, errors } = read({ a: schema }, { a: value });
    expect([args, at]).toEqual([{ a: value }, []]);
    expect(errors?.[0]?.pointer).toBe('/a');
  });

  it('null is left out where the property is optional, and else an error as ever', () => {
    const text = { type: 'string' };
    expect(read({ a: text }, { a: null, b: null })).toEqual({ args: { b: null }, at: ['/a'], errors: undefined });
    expect(read({ a: text }, { a: null }, { required: ['a'] })).toMatchObject({ args: { a: null }, at: [] });
    expect(read({ a: { type: 'array', items: text } }, { a: [null] }).errors).toHaveLength(1);
  });

  it('what may not be there stays as it is judged', () => {
    const { args, errors } = read(
      { a: { type: 'number' } },
      { a: '1', x: null, y: '2' },
      { additionalProperties: false },
    );
    expect(args).toEqual({ a: 1, x: null, y: '2' });
    expect(errors?.map(({ pointer }) => pointer)).toEqual(['/x', '/y']);
  });

  it('values at any depth are, and nothing else changes', () => {
    const inner = { type: 'object', properties: { 'b/~': { type: 'number' }, c: { type: 'string' } } };
    const given = JSON.parse('{"a":[{"b/~":"1","c":null},{"__proto__":1,"b/~":2}],"z":"3"}') as Json;
    const { args, at } = read({ a: { type: 'array', items: inner } }, given);
    expect(JSON.stringify(args)).toBe('{"a":[{"b/~":1},{"__proto__":1,"b/~":2}],"z":"3"}');
    expect(at).toEqual(['/a/0/b~1~0', '/a/0/c']);
    expect(given.a).toHaveProperty('0.c', null);
  });

  it('more values are than one check names', () => {
    const numbers = Array.from({ length: 70 }, (_, n) => String(n));
    expect(read({ a: { type: 'array', items: { type: 'number' } } }, { a: numbers }).args).toEqual({
      a: numbers.map(Number),
    });
  });

  it('long texts are in time in proportion', () => {
    const digits = `1${'0'.repeat(500_000)}1`;
    const before = process.cpuUsage().user;
    expect(read({ a: { type: 'number' } }, { a: digits }).errors).toHaveLength(1);
    expect(read({ a: { type: 'array' } }, { a: `["${'\\"'.repeat(250_000)}", 0.${digits}` }).errors).toHaveLength(1);
    expect(process.cpuUsage().user - before).toBeLessThan(500_000);
  });
});
