import { isPromise, type MaybePromise } from '../util/maybe-promise';

/** How long a store that answers by promises may take: whoever waits for it waits for a result that it only spares. */
const STORE_TIMEOUT_MS = 1_000;

/** What a store answers; rejects when it throws, or takes longer than a second. */
export function bounded<T>(ask: () => MaybePromise<T>): MaybePromise<T> {
  let answer: MaybePromise<T>;
  try {
    answer = ask();
  } catch (error) {
    return Promise.reject(error instanceof Error ? error : new Error(String(error)));
  }
  return isPromise(answer) ? timed(answer) : answer;
}

function timed<T>(answer: PromiseLike<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`the cache store did not answer within ${STORE_TIMEOUT_MS} ms`));
    }, STORE_TIMEOUT_MS).unref();
    const inTime =
      <V>(end: (value: V) => void) =>
      (value: V): void => {
        clearTimeout(timer);
        end(value);
      };
    answer.then(inTime(resolve), inTime(reject));
  });
}
