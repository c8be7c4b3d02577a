import childProcess from 'node:child_process';
import { mcpoRouter } from '../../lib';
import { silent } from './loggers';

/** What the app is told, as JSON in its argument. */
export interface SignalsApp {
  readonly command: string;
  readonly args: readonly string[];
  /** Exits as soon as the child has been spawned, before anybody has heard of that. */
  readonly exitsAtSpawn?: boolean;
  /** Its own listener of the signal, which prints the word `heard`; added before or after the router's own. */
  readonly listens?: 'before' | 'after' | undefined;
  /** The path of a copy of the package signal-exit, which the app uses. */
  readonly signalExit?: string;
  /** Whether the app has a second copy of ours, with a child of its own. */
  readonly twice?: boolean;
}

/** An app that ends in the many ways in which apps end without `close()`. */
async function main({ command, args, exitsAtSpawn, listens, signalExit, twice }: SignalsApp): Promise<void> {
  if (exitsAtSpawn) exitAtSpawn();
  const listen = (): void => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
      process.once(signal, () => void process.stdout.write('heard\n'));
  };
  if (listens === 'before') listen();
  if (signalExit !== undefined) useSignalExit(signalExit);
  for (const make of twice ? [mcpoRouter, anotherCopy()] : [mcpoRouter]) {
    const pool = { minConnections: 1, maxConnections: 1 };
    await make({ servers: { lab: { command, args, pool } }, logger: silent }).ready();
  }
  if (listens === 'after') listen();
  setInterval(() => undefined, 60_000);
  process.stdout.write('ready\n');
}

function exitAtSpawn(): void {
  const { spawn } = childProcess;
  childProcess.spawn = ((...all: Parameters<typeof spawn>) => {
    // Microtasks run before Node tells of the child.
    queueMicrotask(() => process.exit(0));
    return spawn(...all);
  }) as typeof spawn;
}

/* eslint-disable @typescript-eslint/no-require-imports -- of what has been loaded before, and of a path */
function anotherCopy(): typeof mcpoRouter {
  for (const file of Object.keys(require.cache))
    if (file.includes('/lib/')) Reflect.deleteProperty(require.cache, file);
  return (require('../../lib') as { mcpoRouter: typeof mcpoRouter }).mcpoRouter;
}

function useSignalExit(path: string): void {
  const loaded = require(path) as ((listener: () => void) => void) & { onExit?: (listener: () => void) => void };
  (loaded.onExit ?? loaded)(() => void process.stdout.write('cleaned up\n'));
}

void main(JSON.parse(process.argv[2] ?? '') as SignalsApp);
