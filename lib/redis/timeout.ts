/** Into how many parts the time is cut. */
const PARTS = 4;

/** Waits until something is so, for some time at most. */
export async function waitUntil(ms: number, isSo: () => boolean): Promise<void> {
  const end = performance.now() + ms;
  while (!isSo() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
}

/**
 * The reply to a command, if it comes in time.
 *
 * The time is waited for in parts, one after the other: when this process itself was busy for all of it, replies that
 * have come meanwhile, and commands that wait to be written, get their turn before anybody speaks of being late.
 *
 * @param onLate - is given a reply that came too late
 */
export function withTimeout(
  ms: number,
  send: () => Promise<unknown>,
  onLate?: (reply: unknown) => void,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let parts = PARTS;
    const pass = (): NodeJS.Timeout =>
      setTimeout(() => {
        parts -= 1;
        if (parts > 0) timer = pass();
        else reject(new Error(`Redis did not answer within ${ms} ms`));
      }, ms / PARTS).unref();
    let timer = pass();
    const sent = new Promise((done) => {
      done(send());
    });
    sent.then(
      (reply) => {
        clearTimeout(timer);
        if (parts > 0) resolve(reply);
        else onLate?.(reply);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}
