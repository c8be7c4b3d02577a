import { hasResponseEnded, onResponseEnd } from '../http/disconnect';
import { toMcpoError } from '../errors';
import { type Layer, failing } from '../http/compose';
import { ConcurrencyLimiter } from '../limit/limiter';
import type { LimiterOptions } from '../limit/options';
import type { Permit } from '../limit/permit';
import { sendProblem } from '../http/problem';

/** A limit on any route, with its {@link ConcurrencyLimiter} to look at and to change. */
export type ConcurrencyLimit = Layer & { readonly limiter: ConcurrencyLimiter };

/**
 * Lets at most so many requests of an app's own routes run at once; the others wait in a bounded queue. One that cannot
 * wait is answered with 503, `Retry-After` and problem details.
 *
 * @example Ten at a time
 * ```ts
 * app.use('/expensive', concurrencyLimit({ maxConcurrent: 10 }));
 * ```
 *
 * @throws ConfigError when an option is out of its range
 */
export function concurrencyLimit(options: LimiterOptions = {}): ConcurrencyLimit {
  const limiter = new ConcurrencyLimiter(options);
  const layer: Layer = function concurrencyLimit(req, res, next) {
    const admit = (permit: Permit): void => {
      if (hasResponseEnded(req, res)) {
        permit.release();
        return;
      }
      onResponseEnd(req, res, () => {
        permit.release();
      });
      next();
    };
    const permit = limiter.tryAcquire();
    if (permit) {
      admit(permit);
      return;
    }
    const gone = new AbortController();
    const stay = onResponseEnd(req, res, () => {
      gone.abort();
    });
    const enter = (waited: Permit): void => {
      stay();
      admit(waited);
    };
    const refuse = (error: unknown): void => {
      stay();
      if (!gone.signal.aborted) sendProblem(req, res, toMcpoError(error));
    };
    limiter.acquire({ signal: gone.signal }).then(enter, refuse).catch(failing(next));
  };
  return Object.assign(layer, { limiter });
}
