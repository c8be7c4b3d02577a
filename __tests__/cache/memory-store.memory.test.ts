import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const MIB = 2 ** 20;
const script = join(__dirname, '../support/cache-memory.ts');

interface Report {
  readonly mostEntries: number;
  readonly mostBytes: number;
  readonly maxSize: number;
  readonly full: number;
  readonly cleared: number;
}

async function fill(distinct: number, bodyBytes: number, maxBytes: number): Promise<Report> {
  const sizes = [distinct, bodyBytes, maxBytes].map(String);
  const args = ['--expose-gc', '-r', 'ts-node/register/transpile-only', script, ...sizes];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as Report;
}

describe('the memory of a MemoryStore', () => {
  it.each([
    ['100,000 results of 1 KiB', 100_000, 1_024, 64 * MIB],
    ['100,000 results of 10 bytes', 100_000, 10, 32 * MIB],
  ])(
    'stays within its bounds after %s',
    async (_what, distinct, bodyBytes, maxBytes) => {
      const report = await fill(distinct, bodyBytes, maxBytes);
      expect(report.mostEntries).toBeLessThanOrEqual(report.maxSize);
      expect(report.mostBytes).toBeLessThanOrEqual(maxBytes);
      expect(report.mostBytes).toBeGreaterThan(0.95 * maxBytes);
      expect(report.full).toBeLessThan(1.5 * maxBytes + 20 * MIB);
      expect(report.full).toBeLessThan(report.mostBytes);
      expect(report.cleared).toBeLessThan(5 * MIB);
    },
    60_000,
  );
});
