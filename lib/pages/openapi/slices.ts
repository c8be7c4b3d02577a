import { setImmediate } from 'node:timers/promises';

/** Far below what a caller notices, far above the cost of a turn. */
const SLICE_MS = 10;

/** Work in small steps. Between two of them others may have their turn. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** Does work in turns of the event loop, each of 10 ms and one step at most. */
export async function inSlices<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const end = performance.now() + SLICE_MS;
    do {
      const step = steps.next();
      if (step.done) return step.value;
    } while (performance.now() < end);
    await setImmediate();
  }
}
