import * as crypto from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import type * as key from '../../lib/cache/key';
import { cacheKey, type KeyParts } from '../../lib/cache/key';
import { SEED } from '../support/seed';

fc.configureGlobal({ seed: SEED });

const parts: KeyParts = {
  server: 'files',
  tool: 'read',
  args: { path: '/a', limit: 1 },
  principal: undefined,
  format: 'application/json',
};

const name = fc.string({ unit: fc.constantFrom('a', 'b', '"', ',', '\\', '[', '/', '\u0000', '\ud800'), maxLength: 4 });
const anyParts: fc.Arbitrary<KeyParts> = fc.record({
  server: name,
  tool: name,
  args: fc.dictionary(name, fc.oneof(name, fc.constant(null), fc.array(name, { maxLength: 2 })), { maxKeys: 2 }),
  principal: fc.option(fc.oneof(name, fc.constant('null')), { nil: undefined }),
  format: name,
});

describe('cacheKey', () => {
  it('is a SHA-256 digest in base64url', () => {
    const text = '["files","read",{"limit":1,"path":"/a"},null,"application/json"]';
    expect(cacheKey(parts)).toBe(crypto.createHash('sha256').update(text).digest('base64url'));
    expect(cacheKey(parts)).toMatch(/^[\w-]{43}$/);
  });

  it('does not depend on the order of the arguments', () => {
    expect(cacheKey({ ...parts, args: { limit: 1, path: '/a' } })).toBe(cacheKey(parts));
  });

  it.each([
    ['server', { server: 'other' }],
    ['tool', { tool: 'other' }],
    ['arguments', { args: { path: '/a' } }],
    ['type of an argument', { args: { path: '/a', limit: '1' } }],
    ['principal', { principal: 'alice' }],
    ['principal that is called like nobody', { principal: 'null' }],
    ['principal without a name', { principal: '' }],
    ['format', { format: 'application/vnd.mcp+json' }],
  ])('differs with the %s', (_what, change) => {
    expect(cacheKey({ ...parts, ...change })).not.toBe(cacheKey(parts));
  });

  it('lets no part run over into the next', () => {
    const keyOf = (server: string, tool: string): string => cacheKey({ ...parts, server, tool });
    expect(keyOf('a', 'bc')).not.toBe(keyOf('ab', 'c'));
    expect(keyOf('a","b', 'c')).not.toBe(keyOf('a', 'b","c'));
  });

  it('never gives two callers or calls one key', () => {
    fc.assert(
      fc.property(anyParts, anyParts, (a, b) => {
        const same = (['server', 'tool', 'principal', 'format'] as const).every((part) => a[part] === b[part]);
        const sameArgs = isDeepStrictEqual({ ...(a.args as object) }, { ...(b.args as object) });
        expect(cacheKey(a) === cacheKey(b)).toBe(same && sameArgs);
      }),
      { numRuns: 5_000 },
    );
  });

  it('never gives the same characters, framed otherwise, one key', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', '"', ',', '\\', 'null', '[', ']'), { minLength: 1, maxLength: 8 }),
        fc.nat(),
        fc.nat(),
        (text, i, j) => {
          const cut = (at: number): KeyParts => {
            const place = at % (text.length + 1);
            return { ...parts, server: text.slice(0, place).join(''), tool: text.slice(place).join('') };
          };
          const [a, b] = [cut(i), cut(j)];
          expect(cacheKey(a) === cacheKey(b)).toBe(a.server === b.server);
        },
      ),
    );
  });

  it('refuses arguments that are no JSON', () => {
    expect(() => cacheKey({ ...parts, args: { at: new Date(0) } })).toThrow(TypeError);
  });

  it('is the same on a Node without crypto.hash', () => {
    jest.doMock('node:crypto', () => ({ createHash: crypto.createHash }));
    jest.isolateModules(() => {
      const old = jest.requireActual<typeof key>('../../lib/cache/key');
      expect(old.cacheKey).not.toBe(cacheKey);
      expect(old.cacheKey(parts)).toBe(cacheKey(parts));
    });
    jest.dontMock('node:crypto');
  });
});
