import { isPromise } from './maybe-promise';
import { warn } from '../errors';

/**
 * Calls what only listens. Neither what it throws nor what a promise of it rejects with is the failure of anything else:
 * unheard, either would end the process.
 *
 * @param failed - is told of it. @defaultValue a process warning
 */
export function tell(listener: () => unknown, failed: (error: unknown) => void = warn): void {
  try {
    const answer = listener();
    if (isPromise(answer)) answer.then(undefined, failed);
  } catch (error) {
    failed(error);
  }
}

/**
 * Tells the first failure by a process warning: what fails once may fail with every request.
 *
 * @param what - what fails, as the warning begins
 */
export function warnOnce(what: string): (error: unknown) => void {
  let isTold = false;
  return (error) => {
    if (isTold) return;
    isTold = true;
    warn(new Error(`${what}: ${reasonOf(error)}`, { cause: error }));
  };
}

function reasonOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    return 'it cannot be said why';
  }
}
