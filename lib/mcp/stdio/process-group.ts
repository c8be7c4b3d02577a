import type { ChildProcess } from 'node:child_process';

const alive = new Set<ChildProcess>();

/** Kills the process groups that are left when the app exits without `close()`. */
function killAll(): void {
  for (const child of alive) killGroup(child, 'SIGKILL');
}

/** Whether children get process groups of their own, to be ended together with their descendants. */
export const HAS_GROUPS = process.platform !== 'win32';

/** Ensures that a child does not outlive this process, until {@link forget}. */
export function watchOver(child: ChildProcess): void {
  if (alive.size === 0) process.on('exit', killAll);
  alive.add(child);
}

/** To be called when a child and its group have ended. */
export function forget(child: ChildProcess): void {
  alive.delete(child);
  if (alive.size === 0) process.off('exit', killAll);
}

/** Sends a signal to a child and its descendants. */
export function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    if (HAS_GROUPS) process.kill(-child.pid, signal);
    else child.kill(signal);
  } catch {
    // ESRCH: the group is empty.
  }
}
