import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import { createContext, Script, type Context } from 'node:vm';
import { type Shortage, shortageOf } from '../../util/shortage';

/** The watchdog thread takes 4 on Linux; the rest is a reserve for what other threads open meanwhile. */
const DESCRIPTORS = 10;

/** Of a run that ends at its time limit, this share of the limit is processor time on an idle machine. */
const HAD_ITS_TIME = 0.8;
const MAX_ATTEMPTS = 4;
/** Bounds how much longer one repetition may take. */
const MIN_SHARE = 0.25;

const script = new Script('run()');
let context: Context | undefined;

/** The time of a run could not be limited, so it did not take place. */
export class UnguardedError extends Error {
  /** What its operator can do. */
  readonly remedy: string;

  constructor({ what, remedy }: Shortage, cause: unknown) {
    super(what, { cause });
    this.remedy = remedy;
  }
}

/**
 * Runs a synchronous function for at most `timeoutMs` of processor time.
 *
 * V8 terminates the run anywhere, also inside a regular expression, and skips `catch` and `finally`: whatever the function
 * was working on must be discarded afterwards. A run costs about 90 us, as Node starts a watchdog thread. The watchdog
 * counts wall-clock time: on a busy machine, where that is less processor time, the run is repeated with more in proportion.
 *
 * @throws whatever `run` throws, an error for which {@link isTimeout} holds, or {@link UnguardedError}
 */
export function withTimeLimit<T>(run: () => T, timeoutMs: number): T {
  context ??= createContext(Object.create(null) as Context);
  for (let attempt = 1, wallMs = timeoutMs; ; attempt += 1) {
    requireDescriptors();
    context['run'] = run;
    const before = process.cpuUsage();
    try {
      return script.runInContext(context, { timeout: wallMs }) as T;
    } catch (error) {
      const { user, system } = process.cpuUsage(before);
      const share = (user + system) / 1_000 / timeoutMs;
      if (!isTimeout(error) || share >= HAD_ITS_TIME || attempt === MAX_ATTEMPTS) throw error;
      wallMs = Math.round(wallMs / Math.max(share, MIN_SHARE));
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
    // Other errors (such as by Node's permission model) are no shortage.
    const shortage = shortageOf((error as NodeJS.ErrnoException).code);
    if (shortage) throw new UnguardedError(shortage, error);
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}
