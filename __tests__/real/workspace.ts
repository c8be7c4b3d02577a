import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** A folder of files for servers to work on, the same each time. */
export interface Workspace {
  readonly folder: string;
  readonly remove: () => Promise<void>;
}

/** Makes the folder: some files, and `repository/` with one commit, a change and a new file. */
export async function workspace(): Promise<Workspace> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), 'mcpo-real-')));
  const repository = path.join(folder, 'repository');
  await mkdir(path.join(folder, 'docs'));
  await mkdir(repository);
  await writeFile(path.join(folder, 'notes.txt'), 'one\ntwö\nthree\n');
  await writeFile(path.join(folder, 'docs/a.md'), '# A\n');
  await writeFile(path.join(folder, 'pixel.png'), Buffer.from(PIXEL, 'base64'));
  await writeFile(path.join(repository, 'a.txt'), 'one\n');
  await git(repository, 'init', '--quiet', '--initial-branch=main');
  await git(repository, 'config', 'user.name', 'Ada');
  await git(repository, 'config', 'user.email', 'ada@example.com');
  await git(repository, 'add', '.');
  await git(repository, 'commit', '--quiet', '--message=first');
  await writeFile(path.join(repository, 'a.txt'), 'one\ntwo\n');
  await writeFile(path.join(repository, 'new.txt'), 'new\n');
  return { folder, remove: () => rm(folder, { recursive: true, force: true, maxRetries: 3 }) };
}

/** Runs Git as if it were always the same moment, so that commits have the same name. */
export async function git(repository: string, ...args: readonly string[]): Promise<void> {
  const at = '2026-01-02T03:04:05Z';
  const env = { ...process.env, GIT_AUTHOR_DATE: at, GIT_COMMITTER_DATE: at, GIT_CONFIG_GLOBAL: '/dev/null' };
  await run('git', args, { cwd: repository, env });
}
