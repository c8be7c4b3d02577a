import { isMcpoError, toMcpoError } from '../errors';
import type { Logger } from '../util/logger';
import type { CallLayer } from './layer';

/** Measures each call from its request to its end. Unexpected errors are logged and become an McpoError. */
export function measure(logger: Logger): CallLayer {
  return async function measure(call, next) {
    const { entry, id, begunAt, cancellation } = call.init;
    const observation = entry.telemetry.begin(id, begunAt);
    try {
      cancellation.throwIfAborted();
      const answer = await next(call);
      observation.end();
      return answer;
    } catch (thrown) {
      if (!isMcpoError(thrown)) logger.error({ err: thrown }, 'mcpo: a call failed unexpectedly');
      const error = toMcpoError(thrown);
      observation.end(error);
      throw error;
    }
  };
}
