import { cacheControlOf } from '../../lib/http/cache-control';
import { glob } from '../../lib/util/glob';

/** The processor time of a run, in milliseconds. */
function cost(run: () => unknown): number {
  const before = process.cpuUsage().user;
  run();
  return (process.cpuUsage().user - before) / 1_000;
}

describe('a glob', () => {
  it.each<[string, string[], string[]]>([
    ['*', ['', 'a', 'a/b', '..', '\n', '😀'], []],
    ['', [''], ['a']],
    ['a*', ['a', 'ab', 'a/..'], ['', 'ba']],
    ['*a*b', ['ab', 'aab', 'xaxb', 'abab'], ['a', 'b', 'ba', 'aba']],
    ['a**b', ['ab', 'axb'], ['a']],
    ['?', ['a', '*', '?', '😀', '\n'], ['', 'ab']],
    ['a?c*', ['abc', 'a*cd'], ['ac', 'abd']],
    ['a.c', ['a.c'], ['abc']],
    ['(a+)[b]{1}|^$\\/', ['(a+)[b]{1}|^$\\/'], ['aab']],
    ['*.*.*', ['a.b.c', '..'], ['a.b', '.']],
  ])('%j matches %j and not %j', (pattern, yes, no) => {
    const test = glob([pattern]);
    expect(yes.filter((name) => !test(name))).toEqual([]);
    expect(no.filter(test)).toEqual([]);
  });

  it('of none matches nothing, and of several what any matches', () => {
    expect(glob([])('a')).toBe(false);
    expect(['a', 'b', 'c'].filter(glob(['a', 'b']))).toEqual(['a', 'b']);
  });

  it('takes a long name in proportion', () => {
    const test = glob(['*a*b', '*a*a*a*a*c']);
    expect(cost(() => test('a'.repeat(200_000)))).toBeLessThan(300);
  });
});

it('a header takes time in proportion', () => {
  expect(cost(() => cacheControlOf(`a${' '.repeat(100_000)}b`))).toBeLessThan(100);
  expect(cacheControlOf(' No-Cache ,  max-age=5')).toEqual({ noCache: true, noStore: false, maxAgeMs: 5_000 });
});
