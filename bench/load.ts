import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const WRK_SCRIPTS = join(__dirname, '..', 'wrk');

/** What is sent: the same arguments every time, others every time (`%d` becomes a number), or a mix. */
export interface Traffic {
  readonly kind: 'same' | 'distinct' | 'mix';
  /** Below the candidate's address. */
  readonly path: string;
  /** The arguments as JSON. */
  readonly args: string;
  /** How many calls of a mix repeat earlier ones, in percent. */
  readonly repeated?: number;
}

/** What came of a load; times in milliseconds. */
export interface Load {
  readonly requests: number;
  readonly seconds: number;
  readonly mean: number;
  readonly p50: number;
  readonly p99: number;
  /** Answers of 400 and above, and connections that broke. */
  readonly errors: number;
}

/** Which program makes the load: wrk where it is installed, else autocannon. */
export const generator = installed('wrk') ? 'wrk' : 'autocannon';

/** Loads an address for some seconds from a process of its own. */
export async function load(url: string, traffic: Traffic, connections: number, seconds: number): Promise<Load> {
  const { kind, path, args, repeated } = traffic;
  const target = `${url}${path}`;
  const flags =
    generator === 'wrk'
      ? ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '30s', '-s', join(WRK_SCRIPTS, `${kind}.lua`), target]
      : [join(__dirname, 'autocannon.js'), target, kind, String(connections), String(seconds)];
  const program = generator === 'wrk' ? ['wrk', ...flags, '--'] : [process.execPath, ...flags];
  const [file = '', ...rest] = [...program, args, ...(repeated === undefined ? [] : [String(repeated)])];
  const { stdout } = await run(file, rest);
  const json = /\{"requests".*\}/.exec(stdout)?.[0];
  if (json === undefined) throw new Error(`${generator} printed no summary: ${stdout}`);
  return JSON.parse(json) as Load;
}

function installed(program: string): boolean {
  try {
    execFileSync('which', [program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
