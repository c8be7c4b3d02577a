/** A value at once, or a promise of it. */
export type MaybePromise<T> = T | Promise<T>;

/** Whether it is a promise, also one that is not this realm's own `Promise`. */
export function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** What is made of a value, at once if that is there. */
export function mapMaybe<T, U>(value: MaybePromise<T>, use: (value: T) => MaybePromise<U>): MaybePromise<U> {
  // A promise of another library may have a `then` that returns nothing, and does not hear what `use` throws.
  return isPromise(value) ? Promise.resolve(value).then(use) : use(value);
}

/**
 * Waits for all. Nothing to wait for is told at once.
 *
 * @throws the first rejection, after all have ended
 */
export function allDone(values: readonly MaybePromise<void>[]): MaybePromise<void> {
  const promises = values.filter(isPromise);
  if (promises.length === 0) return undefined;
  return Promise.allSettled(promises).then((results) => {
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  });
}
