import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import { createContext, Script, type Context } from 'node:vm';

/** The event loop of the thread that watches takes 4 on Linux; the rest is for what other threads open meanwhile. */
const DESCRIPTORS = 10;
const SHORTAGES: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

const script = new Script('run()');
let context: Context | undefined;

/** The time of a run cannot be bounded at the moment, so that there was none. */
export class UnguardedError extends Error {
  /** @param code - of the system, such as `EMFILE` */
  constructor(code: string, cause: unknown) {
    super(`no file descriptors left (${code})`, { cause });
  }
}

/**
 * Runs a function that has a state of its own for at most `timeoutMs`.
 *
 * V8 ends the run wherever it is, also inside a regular expression, and skips `catch` and `finally`: whatever the
 * function was working on must be thrown away afterwards. A guarded run costs about 90 us, as Node starts a
 * thread to watch it.
 *
 * @param attempts - how often to try. A machine that stops the whole process for a while (a container's CPU quota)
 * looks like a run that takes too long; a second run tells the two apart.
 * @throws whatever `run` throws, an error for which {@link isTimeout} holds, or {@link UnguardedError}
 */
export function withTimeLimit<T>(run: () => T, timeoutMs: number, attempts = 1): T {
  context ??= createContext(Object.create(null) as Context);
  for (;;) {
    requireDescriptors();
    context['run'] = run;
    try {
      return script.runInContext(context, { timeout: timeoutMs }) as T;
    } catch (error) {
      attempts -= 1;
      if (attempts === 0 || !isTimeout(error)) throw error;
    } finally {
      context['run'] = undefined;
    }
  }
}

/** Whether {@link withTimeLimit} gave up for want of time; the error may stem from another realm. */
export function isTimeout(error: unknown): boolean {
  return (error as { code?: unknown } | null | undefined)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';
}

/** Node aborts the whole process when the thread that watches finds too few descriptors: nobody could catch that. */
function requireDescriptors(): void {
  const opened: number[] = [];
  try {
    while (opened.length < DESCRIPTORS) opened.push(openSync(devNull, 'r'));
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    // Where the device may not be opened at all (Node's permission model), that says nothing of a shortage.
    if (SHORTAGES.has(code)) throw new UnguardedError(code, error);
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}
