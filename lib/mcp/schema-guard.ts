import { createContext, Script, type Context } from 'node:vm';

const script = new Script('run()');
let context: Context | undefined;

/**
 * Runs a function that has a state of its own for at most `timeoutMs`.
 *
 * V8 ends the run wherever it is, also inside a regular expression, and skips `catch` and `finally`: whatever the
 * function was working on must be thrown away afterwards. A guarded run costs about 65 us, as Node starts a
 * thread to watch it.
 *
 * @param attempts - how often to try. A machine that stops the whole process for a while (a container's CPU quota)
 * looks like a run that takes too long; a second run tells the two apart.
 * @throws whatever `run` throws, or an error for which {@link isTimeout} holds
 */
export function guarded<T>(run: () => T, timeoutMs: number, attempts = 1): T {
  context ??= createContext(Object.create(null) as Context);
  for (;;) {
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

/** Whether {@link guarded} gave up for want of time; the error may stem from another realm. */
export function isTimeout(error: unknown): boolean {
  return (error as { code?: unknown } | null | undefined)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';
}
