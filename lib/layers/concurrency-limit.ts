import { hasResponseEnded, onResponseEnd } from '../http/disconnect';
import { toMcpoError } from '../errors';
import { type Layer, failing } from '../http/compose';
import { ConcurrencyLimiter } from '../limit/limiter';
import type { LimiterOptions } from '../limit/options';
import type { Permit } from '../limit/permit';
import { Canceller } from '../util/cancellation';
import { sendProblem } from '../http/response';

/** A concurrency limit for any route, with its {@link ConcurrencyLimiter}. */
export type ConcurrencyLimit = Layer & { readonly limiter: ConcurrencyLimiter };

/**
 * Limits the number of requests that an app's own routes process at once. The others wait in a bounded queue. If it is full,
 * or the wait is too long, the response is 503 with `Retry-After` and problem details.
 *
 * @example Ten at a time
 * ```ts
 * app.use('/expensive', concurrencyLimit({ maxConcurrent: 10 }));
 * ```
 *
 * @throws ConfigError for an invalid option
 */
export function concurrencyLimit(options: LimiterOptions = {}): ConcurrencyLimit {
  const limiter = new ConcurrencyLimiter(options);
  const layer: Layer = function concurrencyLimit(req, res, next) {
    const admit = (permit: Permit): void => {
      if (hasResponseEnded(req, res)) {
        permit.release();
        return;
      }
      onResponseEnd(req, res, () => permit.release());
      next();
    };
    const permit = limiter.tryAcquire();
    if (permit) {
      admit(permit);
      return;
    }
    const waiting = new Canceller();
    const stopWatching = onResponseEnd(req, res, () => waiting.abort());
    const enter = (waited: Permit): void => {
      stopWatching();
      admit(waited);
    };
    const refuse = (error: unknown): void => {
      stopWatching();
      if (!waiting.aborted) sendProblem(req, res, toMcpoError(error));
    };
    limiter.acquire({ signal: waiting }).then(enter, refuse).catch(failing(next));
  };
  return Object.assign(layer, { limiter });
}
