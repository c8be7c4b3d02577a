import { SHARES } from '../support/fuzz';

it('the files of this folder make as many requests, and have as many lists and results read, as is promised', () => {
  const sum = (kind: 'requests' | 'answers'): number =>
    Object.values(SHARES).reduce((total, share) => total + share[kind], 0);
  expect(sum('requests')).toBeGreaterThanOrEqual(100_000);
  expect(sum('answers')).toBeGreaterThanOrEqual(10_000);
});
