import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { RealServer } from './servers';

const run = promisify(execFile);

const CACHE = path.join(__dirname, '../../node_modules/.cache/express-mcpo/real');
/** Packages that the servers' packages ask for are those of this day: with the versions in `servers/`, every one is fixed. */
const DAY = '2026-11-20';
const UV = 'uv==0.13.8';
/** How long an installation may take, in milliseconds. */
export const INSTALL_MS = 240_000;

const hash = createHash('sha256');
const npmFolder = (servers: readonly RealServer[]): string => path.join(CACHE, `npm-${digest(npmPackages(servers))}`);
const venvOf = (server: RealServer): string => path.join(CACHE, `${server.package}-${digest(requirements(server))}`);

/** How to start a program of an installed server. `servers` are those that were installed together. */
export function programOf(server: RealServer, servers: readonly RealServer[]): { command: string; args: string[] } {
  if (server.registry === 'pypi') return { command: path.join(venvOf(server), 'bin', server.program), args: [] };
  const file = path.join(npmFolder(servers), 'node_modules', server.package, server.program);
  return file.endsWith('.js') ? { command: process.execPath, args: [file] } : { command: file, args: [] };
}

/**
 * Installs the servers where they have not been yet; suites side by side do it once.
 *
 * @throws Error that says which package could not be installed, and why
 */
export async function install(servers: readonly RealServer[]): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  const lock = path.join(CACHE, 'lock');
  const end = Date.now() + INSTALL_MS;
  while (!(await taken(lock))) {
    if (Date.now() > end) throw new Error(`${lock} is held by another run for too long: remove it if there is none`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  try {
    const fromPyPi = servers.filter(({ registry }) => registry === 'pypi');
    await Promise.all([installNpm(servers), installPyPi(fromPyPi)]);
  } finally {
    await rm(lock, { force: true });
  }
}

async function taken(lock: string): Promise<boolean> {
  try {
    await writeFile(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    const holder = Number(await readFile(lock, 'utf8').catch(() => process.pid));
    if (holder > 0 && !isAlive(holder)) await rm(lock, { force: true });
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function installNpm(servers: readonly RealServer[]): Promise<void> {
  await once(npmFolder(servers), async (folder) => {
    await writeFile(path.join(folder, 'package.json'), npmPackages(servers));
    // What a package runs on installation is for browsers and compilers that are not needed.
    const flags = ['--ignore-scripts', '--no-audit', '--no-fund', `--before=${DAY}`, '--prefix', folder];
    await registry('npm', 'npm', ['install', ...flags]);
    for (const { registry: from, program, package: name } of servers) {
      if (from === 'npm') await chmod(path.join(folder, 'node_modules', name, program), 0o755);
    }
  });
}

async function installPyPi(servers: readonly RealServer[]): Promise<void> {
  const tools = path.join(CACHE, `tools-${digest(UV)}`);
  await once(tools, async (folder) => {
    await registry(UV, 'python3', ['-m', 'venv', folder]);
    await registry(UV, path.join(folder, 'bin/python'), ['-m', 'pip', 'install', '--quiet', UV]);
  });
  const uv = path.join(tools, 'bin/uv');
  for (const server of servers) {
    await once(venvOf(server), async (folder) => {
      const wanted = requirements(server).split(' ');
      await registry(server.package, uv, ['venv', '--quiet', '--allow-existing', '--python', 'python3', folder]);
      const into = ['--quiet', '--exclude-newer', DAY, '--python', path.join(folder, 'bin/python')];
      await registry(server.package, uv, ['pip', 'install', ...into, ...wanted]);
    });
  }
}

/** Makes a folder that counts as complete once all in it is there. */
async function once(folder: string, make: (folder: string) => Promise<void>): Promise<void> {
  const complete = path.join(folder, 'complete');
  if (existsSync(complete)) return;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await make(folder);
  await writeFile(complete, '');
}

async function registry(what: string, command: string, args: readonly string[]): Promise<void> {
  const env = { ...process.env, UV_CACHE_DIR: path.join(CACHE, 'uv'), UV_PYTHON_DOWNLOADS: 'never' };
  try {
    await run(command, args, { timeout: INSTALL_MS, env });
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string };
    throw new Error(`real MCP servers cannot be installed (${what}): ${stderr.trim().slice(-600) || message}`, {
      cause: error,
    });
  }
}

function npmPackages(servers: readonly RealServer[]): string {
  const fromNpm = servers.filter(({ registry: from }) => from === 'npm');
  const dependencies = Object.fromEntries(fromNpm.map(({ package: name, version }) => [name, version]));
  return JSON.stringify({ private: true, dependencies }, null, 2);
}

function requirements(server: RealServer): string {
  return [`${server.package}==${server.version}`, ...(server.with ?? [])].join(' ');
}

function digest(text: string): string {
  return hash.copy().update(text).update(DAY).digest('hex').slice(0, 12);
}
