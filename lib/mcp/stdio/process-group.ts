import type { ChildProcess } from 'node:child_process';

const alive = new Set<ChildProcess>();

/** Kills the groups of children that an app leaves running when it exits without `close()`. */
function killAll(): void {
  for (const child of alive) killGroup(child, 'SIGKILL');
}

/** Whether children get a process group of their own, so that what they start can be ended with them. */
export const HAS_GROUPS = process.platform !== 'win32';

/** Watches over a child until {@link forget}: it will not outlive this process. */
export function watchOver(child: ChildProcess): void {
  if (alive.size === 0) process.on('exit', killAll);
  alive.add(child);
}

/** The child and its group are gone. */
export function forget(child: ChildProcess): void {
  alive.delete(child);
  if (alive.size === 0) process.off('exit', killAll);
}

/** Sends a signal to a child and everything it has started. */
export function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    if (HAS_GROUPS) process.kill(-child.pid, signal);
    else child.kill(signal);
  } catch {
    // ESRCH: nobody is left in the group.
  }
}
