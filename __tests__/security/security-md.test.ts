import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

const text = readFileSync(path.join(__dirname, '../../SECURITY.md'), 'utf8');
const own = path.basename(__filename);
const files = readdirSync(__dirname).filter((name) => name.endsWith('.test.ts') && name !== own);

describe('SECURITY.md', () => {
  it('names every test of this folder, and no other', () => {
    const named = new Set([...text.matchAll(/`([\w-]+\.test\.ts)`/g)].map(([, name]) => name));
    expect([...named].sort()).toEqual([...files].sort());
  });

  it('speaks of each requirement, S1 to S15, and each has a test named after it', () => {
    for (let number = 1; number <= 15; number += 1) {
      expect(text).toContain(`(S${number})`);
      const prefix = `s${String(number).padStart(2, '0')}-`;
      expect([prefix, files.filter((name) => name.startsWith(prefix)).length]).toEqual([prefix, 1]);
    }
  });
});
