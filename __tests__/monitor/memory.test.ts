import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const MIB = 2 ** 20;
const script = join(__dirname, '../support/monitor-memory.ts');

interface Report {
  readonly seen: number;
  readonly little: number;
  readonly full: number;
  readonly read: number;
  readonly gone: number;
  readonly left: number;
}

test('1,000 tools with full windows of 1,000 take less than 40 MiB, with few requests far less, and gone nothing', async () => {
  const args = ['--expose-gc', '-r', 'ts-node/register/transpile-only', script, '1000', '1000', '10'];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const report = JSON.parse(stdout) as Report;
  expect([report.seen, report.left]).toEqual([1_000, 1]);
  // What the windows must hold: 8 bytes for each duration.
  expect(report.full).toBeGreaterThan(8_000_000);
  expect(report.full).toBeLessThan(40 * MIB);
  expect(report.read).toBeLessThan(40 * MIB);
  expect(report.little).toBeLessThan(4 * MIB);
  expect(report.gone).toBeLessThan(2 * MIB);
});
