import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import { createContext, Script, type Context } from 'node:vm';

/** The watchdog thread takes 4 on Linux; the rest is a reserve for what other threads open meanwhile. */
const DESCRIPTORS = 10;
const SHORTAGES: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

const script = new Script('run()');
let context: Context | undefined;

/** The time of a run could not be limited, so it did not take place. */
export class UnguardedError extends Error {
  /** @param code - the system's error, such as `EMFILE` */
  constructor(code: string, cause: unknown) {
    super(`no file descriptors left (${code})`, { cause });
  }
}

/**
 * Runs a synchronous function for at most `timeoutMs`.
 *
 * V8 terminates the run anywhere, also inside a regular expression, and skips `catch` and `finally`: whatever the function
 * was working on must be discarded afterwards. A run costs about 90 us, as Node starts a watchdog thread.
 *
 * @param attempts - how often to try: if the whole process was suspended (a container's CPU quota), a second run succeeds
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

/** Whether {@link withTimeLimit} timed out. The error may stem from another realm. */
export function isTimeout(error: unknown): boolean {
  return (error as { code?: unknown } | null | undefined)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';
}

/** If the watchdog thread finds too few descriptors, Node aborts the process, which cannot be caught. */
function requireDescriptors(): void {
  const opened: number[] = [];
  try {
    while (opened.length < DESCRIPTORS) opened.push(openSync(devNull, 'r'));
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    // Other errors (such as by Node's permission model) are no shortage.
    if (SHORTAGES.has(code)) throw new UnguardedError(code, error);
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}
