/**
 * The outcome of `work`, or a rejection when it takes longer than `ms` milliseconds or `signal` is aborted. The work goes
 * on; whoever started it must see to what it still brings.
 */
export function withTimeout<T>(work: Promise<T>, ms: number, late: () => Error, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    };
    const abort = (): void => {
      end();
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      end();
      reject(late());
    }, ms).unref();
    signal.addEventListener('abort', abort);
    void work.then(resolve, reject).finally(end);
  });
}
