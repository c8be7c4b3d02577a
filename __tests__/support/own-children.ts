import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** The ids of the children, of this process or another, whose command line holds `word`. */
export async function children(word: string, parent = process.pid): Promise<readonly number[]> {
  const ps = spawn('ps', ['-o', 'pid=,args=', '--ppid', String(parent)]);
  let output = '';
  ps.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await once(ps, 'close');
  return output
    .split('\n')
    .filter((line) => line.includes(word))
    .map((line) => Number.parseInt(line, 10));
}

/** Sends a signal to a process, which may have gone; whether it was there. */
export function signalTo(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
