import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';

/** How long children may take to end after a signal to this process. */
const GRACE_MS = 1_000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const alive = new Set<ChildProcess>();
/** The signal by which this process is being ended. */
let endingBy: NodeJS.Signals | undefined;

/** Whether children get process groups of their own, to be ended together with their descendants. */
export const HAS_GROUPS = process.platform !== 'win32';

/**
 * Ensures that a child does not outlive this process, until {@link forget}. Must be called as soon as it has been spawned:
 * the app may exit at any moment.
 */
export function watchOver(child: ChildProcess): void {
  if (alive.size === 0) {
    process.on('exit', killAll);
    // First in the list: a listener of the app that was added by `once` is then still there to be seen.
    for (const signal of SIGNALS) process.prependListener(signal, onSignal);
  }
  alive.add(child);
  if (endingBy) killGroup(child, 'SIGKILL');
}

/** To be called when a child and its group have ended. */
export function forget(child: ChildProcess): void {
  if (!alive.delete(child) || alive.size > 0) return;
  if (endingBy) raise(endingBy);
  stopWatching();
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

/** Kills the process groups that are left when the app exits without `close()`. */
function killAll(): void {
  for (const child of alive) killGroup(child, 'SIGKILL');
}

function stopWatching(): void {
  process.off('exit', killAll);
  for (const signal of SIGNALS) process.off(signal, onSignal);
}

/** Ends the children before a signal ends this process. Where the app listens to the signal, it decides. */
const onSignal = Object.assign(
  (signal: NodeJS.Signals): void => {
    if (isForTheApp(signal)) return;
    if (endingBy) {
      raise(signal);
      return;
    }
    endingBy = signal;
    for (const child of alive) {
      child.stdin?.end();
      killGroup(child, 'SIGTERM');
    }
    setTimeout(() => raise(signal), GRACE_MS);
  },
  // Another copy of this package in the process has the same listener.
  { [Symbol.for('express-mcpo.signal')]: true },
);

/** Ends this process by the signal, as if nobody had listened to it. */
function raise(signal: NodeJS.Signals): void {
  killAll();
  stopWatching();
  // The system lets no signal end the first process of a container.
  if (process.pid === 1) process.exit(128 + constants.signals[signal]);
  process.kill(process.pid, signal);
}

function isForTheApp(signal: NodeJS.Signals): boolean {
  const others = process.listeners(signal).filter((listener) => !(Symbol.for('express-mcpo.signal') in listener));
  return others.length > signalExitListeners();
}

/** The listeners of the package signal-exit, which also raises the signal again where the app does not listen. */
function signalExitListeners(): number {
  const version3 = (process as { __signal_exit_emitter__?: unknown }).__signal_exit_emitter__;
  const version4 = (globalThis as Record<symbol, unknown>)[Symbol.for('signal-exit emitter')];
  return [version3, version4].reduce<number>((sum, emitter) => sum + countOf(emitter), 0);
}

function countOf(emitter: unknown): number {
  const { count } = (emitter ?? {}) as { count?: unknown };
  return typeof count === 'number' ? count : 0;
}
