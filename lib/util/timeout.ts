import type { Cancellation } from './cancellation';

/**
 * Waits for `work`, for at most `ms` milliseconds and until `signal` is aborted. The work itself goes on: what it still
 * brings is for the caller to clean up.
 *
 * @param late - the error of a timeout
 */
export function withTimeout<T>(work: PromiseLike<T>, ms: number, late: () => Error, signal?: Cancellation): Promise<T> {
  return new Promise((resolve, reject: (reason: Error) => void) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
    const abort = (): void => {
      end();
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      end();
      reject(late());
    }, ms).unref();
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort);
    void Promise.resolve(work).then(resolve, reject).finally(end);
  });
}
