import { forwardHeaders, forwardRules } from '../../lib/auth/forward-headers';

const isOwnKey = (value: string): boolean => value === 'own';
const rules = forwardRules('forwardHeaders', { constructor: true, toString: 'x-text', 'x-user': '__proto__' });

test('names that every object has are names like others', () => {
  expect(forwardHeaders(rules, {}, isOwnKey)).toBeUndefined();
  const forwarded = forwardHeaders(rules, { 'x-user': 'ada' }, isOwnKey);
  expect(Object.entries(forwarded?.headers ?? {})).toEqual([['__proto__', 'ada']]);
  const both = forwardHeaders(rules, { constructor: 'c', tostring: 't' }, isOwnKey);
  expect(both?.headers).toEqual({ constructor: 'c', 'x-text': 't' });
  expect(both?.id).not.toBe(forwarded?.id);
});
