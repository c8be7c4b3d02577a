import { readdirSync } from 'node:fs';
import { BUDGETS } from './budgets';

it('every suite has a row, and every row is of a suite', () => {
  const files = readdirSync(__dirname, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.test.ts'),
  );
  const suites = files.map((file) => file.replaceAll('\\', '/').replace(/\.test\.ts$/, ''));
  expect(Object.keys(BUDGETS).sort()).toEqual(suites.sort());
});

it('every row has a tier, and what is quick is in no other', () => {
  for (const [suite, tiers] of Object.entries(BUDGETS)) {
    expect([suite, Object.keys(tiers)]).toEqual([suite, expect.arrayContaining([expect.any(String)])]);
    if (tiers.quick !== undefined) expect([suite, Object.keys(tiers)]).toEqual([suite, ['quick']]);
  }
});
