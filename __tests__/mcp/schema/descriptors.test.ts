import fs from 'node:fs';
import { compileArguments } from '../../../lib/mcp/schema/arguments';

/** How many files can still be opened. */
let left = Infinity;
let opened = 0;

const open = fs.openSync;
beforeEach(() => {
  left = Infinity;
  opened = 0;
  jest.spyOn(fs, 'openSync').mockImplementation((...args) => {
    if (left <= 0) throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
    left -= 1;
    opened += 1;
    return open(...args);
  });
  const close = fs.closeSync;
  jest.spyOn(fs, 'closeSync').mockImplementation((descriptor) => {
    left += 1;
    opened -= 1;
    close(descriptor);
  });
});
afterEach(() => {
  jest.restoreAllMocks();
});

const schema = { properties: { a: { pattern: '^(b+)+$' }, c: { type: 'string' }, d: { type: 'string' } } };
const refused = {
  code: 'MCPO_SERVER_DOWN',
  status: 503,
  headers: { 'Retry-After': '1' },
  message: 'the arguments cannot be checked in bounded time: no file descriptors left (EMFILE)',
};

function compiled(of: object): { check(args: Readonly<Record<string, unknown>>): unknown; warnings: string[] } {
  const warnings: string[] = [];
  const compiled = compileArguments(of, {
    warn: (message) => void warnings.push(message),
    unchecked: () => undefined,
  });
  return {
    warnings,
    check(args) {
      try {
        return compiled.check(args);
      } catch (error) {
        return error;
      }
    },
  };
}

it.each([0, 1, 4, 9])('with %i descriptors left a schema is compiled by a later check', (count) => {
  const tool = compiled(schema);
  left = count;
  expect(tool.check({ c: 'x' })).toMatchObject(refused);
  expect(tool.check({ c: 1 })).toMatchObject(refused);
  expect({ left, opened }).toEqual({ left: count, opened: 0 });
  left = Infinity;
  expect(tool.check({ c: 1 })).toEqual([{ pointer: '/c', message: 'must be string' }]);
  expect(tool.check({ c: 'x' })).toBeUndefined();
  expect(tool.warnings).toEqual([`${refused.message}: calls are refused for now; raise ulimit -n`]);
});

it('without descriptors costly arguments are refused and said to be once for each shortage, and checked again after it', () => {
  const tool = compiled(schema);
  expect(tool.check({ a: 'b' })).toBeUndefined();
  for (let shortage = 1; shortage <= 2; shortage++) {
    left = 0;
    expect(tool.check({ a: 'b' })).toMatchObject(refused);
    expect(tool.check({ a: 'x' })).toMatchObject(refused);
    expect(tool.warnings).toHaveLength(shortage);
    left = Infinity;
    expect(tool.check({ a: 'b' })).toBeUndefined();
    expect(tool.check({ a: 'x' })).toMatchObject([{ pointer: '/a' }]);
  }
});

it('without descriptors the first thing that is wrong with cheap arguments is told, and all of them after it', () => {
  const { c, d } = schema.properties;
  const tool = compiled({ properties: { c, d } });
  expect(tool.check({ c: 'x' })).toBeUndefined();
  left = 0;
  expect(tool.check({ c: 'x' })).toBeUndefined();
  expect(tool.check({ c: 1, d: 1 })).toHaveLength(1);
  left = Infinity;
  expect(tool.check({ c: 1, d: 1 })).toHaveLength(2);
  expect(tool.warnings).toEqual([]);
});

it('a device that may not be opened is no shortage', () => {
  jest.mocked(fs.openSync).mockImplementation(() => {
    throw Object.assign(new Error('Access to this API has been restricted'), { code: 'ERR_ACCESS_DENIED' });
  });
  expect(compiled(schema).check({ a: 'x' })).toMatchObject([{ pointer: '/a' }]);
});
