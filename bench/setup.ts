import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { MCPO } from './candidate';

/** The version that is measured. */
const VERSION = '0.0.20';

const folder = join(MCPO, '..', '..');
const run = (file: string, ...args: string[]): void => {
  execFileSync(file, args, { stdio: 'inherit' });
};
run('python3', '-m', 'venv', folder);
// It works with neither version 2 of the Python SDK nor FastAPI 0.125, though it does not say so.
run(
  join(folder, 'bin', 'pip'),
  'install',
  '--quiet',
  '--disable-pip-version-check',
  `mcpo==${VERSION}`,
  'mcp<2',
  'fastapi<0.125',
);
console.log(`mcpo ${VERSION} is in ${folder}`);
