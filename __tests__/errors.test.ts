import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ConfigError, ERROR_CODES, type ErrorCode, McpoError, isMcpoError } from '../lib';

it('is problem details without stack and cause', () => {
  const error = new McpoError('MCPO_CONNECTION_LOST', 'gone', { cause: new Error('secret'), outcome: 'unknown' });
  expect(JSON.parse(JSON.stringify(error))).toEqual({
    type: 'urn:express-mcpo:problem:connection-lost',
    title: 'Connection to the MCP server lost',
    status: 502,
    detail: 'gone',
    code: 'MCPO_CONNECTION_LOST',
    outcome: 'unknown',
  });
  expect(error.cause).toEqual(new Error('secret'));
});

it('says when to try again in whole seconds, at least one', () => {
  const retryAfter = (retryAfterMs: number): unknown =>
    new McpoError('MCPO_SERVER_DOWN', 'x', { retryAfterMs }).headers;
  expect(retryAfter(1)).toEqual({ 'Retry-After': '1' });
  expect(retryAfter(-5)).toEqual({ 'Retry-After': '1' });
  expect(retryAfter(1_001)).toEqual({ 'Retry-After': '2' });
  expect(new McpoError('MCPO_TIMEOUT', 'x', { headers: { Allow: 'POST' } }).headers).toEqual({ Allow: 'POST' });
});

it('is known by its brand, also from another copy of the package', () => {
  const foreign = { [Symbol.for('express-mcpo.error')]: true };
  expect([new McpoError('MCPO_TIMEOUT', 'x'), new ConfigError('a', 'b'), foreign].map(isMcpoError)).toEqual([
    true,
    true,
    true,
  ]);
  expect([new Error('x'), null, undefined, 'x', {}].map(isMcpoError)).toEqual([false, false, false, false, false]);
});

it.each<[unknown, string]>([
  [() => 1, 'a function'],
  [10n, '10'],
  [Symbol('s'), 'Symbol(s)'],
  [Infinity, 'Infinity'],
  [undefined, 'undefined'],
  [{ a: 1 }, '{"a":1}'],
  ['x'.repeat(200), `"${'x'.repeat(99)}`],
])('a ConfigError shows %p', (value, shown) => {
  expect(new ConfigError('a.b', 'must be good', { value }).message).toBe(`a.b must be good, got ${shown}`);
});

it('a ConfigError shows a circular value as its type', () => {
  const value: Record<string, unknown> = {};
  value.self = value;
  expect(new ConfigError('a', 'must be good', { value }).message).toBe('a must be good, got [object Object]');
});

it('has every code with its status in docs/http-api.md, and that no other', () => {
  const page = readFileSync(path.join(__dirname, '../docs/http-api.md'), 'utf8');
  const names = (pattern: RegExp): string[] => [...new Set(page.match(pattern))].sort();
  const rows = names(/(?<=^\| \d{3} \| `)MCPO_[A-Z_]+(?=` \|)/gm);
  expect([...rows, 'MCPO_CALLER_GONE', 'MCPO_CONFIG'].sort()).toEqual([...ERROR_CODES].sort());
  const statuses = new Map(
    [...page.matchAll(/^\| (\d{3}) \| `(MCPO_[A-Z_]+)` \|/gm)].map(([, status, code]) => [code, Number(status)]),
  );
  for (const [code, status] of statuses)
    expect([code, new McpoError(code as ErrorCode, 'x').status]).toEqual([code, status]);
});
