import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const script = join(__dirname, '../support/monitor-cost.ts');

// In a process of its own: jest's world makes each use of a global, and its coverage each line, dearer.
test('one observation, begin and end, costs less than two microseconds, however large the window', async () => {
  const args = ['-r', 'ts-node/register/transpile-only', script, '10', '1000', '100000'];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const costs = JSON.parse(stdout) as number[];
  expect(costs).toHaveLength(3);
  for (const cost of costs) {
    expect(cost).toBeGreaterThan(0);
    expect(cost).toBeLessThan(2);
  }
});
