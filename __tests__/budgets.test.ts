import { readdirSync } from 'node:fs';
import BUDGETS from './budgets.json';

it('every suite has a row, and every row is of a suite', () => {
  const files = readdirSync(__dirname, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.test.ts'),
  );
  const suites = files.map((file) => file.replaceAll('\\', '/').replace(/\.test\.ts$/, ''));
  expect(Object.keys(BUDGETS).sort()).toEqual(suites.sort());
});

it('every row has a tier and minutes, and what is quick is in no other', () => {
  const odd = Object.entries(BUDGETS).filter(([, tiers]) => {
    const [first = '', ...more] = Object.keys(tiers);
    return (
      !/^(?:quick|all|nightly)$/.test(first) ||
      (first === 'quick' && more.length > 0) ||
      !['', 'nightly'].includes(more.join())
    );
  });
  expect(odd).toEqual([]);
  const minutes = Object.values<Record<string, number>>(BUDGETS).flatMap((tiers) => Object.values(tiers));
  expect(minutes.filter((each) => !(each > 0))).toEqual([]);
});
