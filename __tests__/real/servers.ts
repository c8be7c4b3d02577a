import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

/** A call with arguments that work, in the order in which the calls are made. */
export interface Call {
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** Whether the tool is to answer with an error. */
  readonly fails?: true;
}

/**
 * A server as people run it: a file in `servers/`. In arguments, variables and URLs, `{folder}` is a folder with the files
 * of `workspace.ts`, `{page}` a web site with `article.html`, `{port}` a free port, `{chromium}` a browser, and `{real}` the
 * folder of this file.
 */
export interface RealServer {
  readonly name: string;
  readonly registry: 'npm' | 'pypi';
  readonly package: string;
  readonly version: string;
  /** Requirements beside the package, for servers that do not say which versions they work with. */
  readonly with?: readonly string[];
  /** npm: a file of the package, run by Node if it is JavaScript. PyPI: a program that the package installs. */
  readonly program: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Where the started program listens; without it, it speaks on stdin and stdout. */
  readonly url?: string;
  /** Without it, the server is in the tests of every tier. */
  readonly tier?: 'nightly';
  /** Regular expressions of what is never the same twice, as times and random ids. */
  readonly varies?: readonly string[];
  readonly calls: readonly Call[];
}

const FOLDER = path.join(__dirname, 'servers');

const all = readdirSync(FOLDER).map((file): RealServer => {
  const fields = JSON.parse(readFileSync(path.join(FOLDER, file), 'utf8')) as Omit<RealServer, 'name'>;
  return { name: path.basename(file, '.json'), ...fields };
});

/** The servers of this tier. */
export const REAL_SERVERS = all.filter(({ tier }) => tier === undefined || process.env.TIER === tier);

/** The server of this name. */
export function realServer(name: string): RealServer {
  const found = all.find((server) => server.name === name);
  if (!found) throw new Error(`no server named ${name} in ${FOLDER}`);
  return found;
}
