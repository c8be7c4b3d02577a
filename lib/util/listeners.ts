import { types } from 'node:util';
import { isPromise } from './maybe-promise';
import { warn } from '../errors';

/**
 * Calls a listener. What it throws or rejects with must not fail anything else, nor end the process.
 *
 * @param failed - is given the error. @defaultValue a process warning
 */
export function tell(listener: () => unknown, failed: (error: unknown) => void = warn): void {
  try {
    const answer = listener();
    if (isPromise(answer)) answer.then(undefined, failed);
  } catch (error) {
    failed(error);
  }
}

/** Makes a process warning of the first error only: what fails once may fail with every request. */
export function warnOnce(what: string): (error: unknown) => void {
  let hasWarned = false;
  return (error) => {
    if (hasWarned) return;
    hasWarned = true;
    warn(new Error(`${what}: ${messageOf(error)}`, { cause: error }));
  };
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  try {
    return types.isNativeError(error) || error instanceof Error ? error.message : String(error);
  } catch {
    return 'an object without a text form was thrown';
  }
}
