/** A value, or a promise of it. */
export type MaybePromise<T> = T | Promise<T>;

/** Whether a value is a promise, of any realm or library. */
export function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** Applies a function to a value: synchronously, unless the value is a promise. */
export function mapMaybe<T, U>(value: MaybePromise<T>, use: (value: T) => MaybePromise<U>): MaybePromise<U> {
  // The `then` of another library may return nothing and drop what `use` throws.
  return isPromise(value) ? Promise.resolve(value).then(use) : use(value);
}

/**
 * Waits for all promises; synchronous if there are none.
 *
 * @throws the first rejection, after all have settled
 */
export function allDone(values: readonly MaybePromise<void>[]): MaybePromise<void> {
  const promises = values.filter(isPromise);
  if (promises.length === 0) return undefined;
  return Promise.allSettled(promises).then((results) => {
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  });
}
