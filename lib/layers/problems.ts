import { toolCall } from '../calls/call';
import { isMcpoError, toMcpoError } from '../errors';
import type { ErrorLayer } from '../http/response';
import type { Logger } from '../options';
import { sendProblem } from '../http/problem';
import { stateOf } from '../http/request-state';
import type { Telemetry } from '../telemetry/telemetry';

/** Answers a request that failed in a layer with problem details; what it does not know is logged and answered as 500. */
export function problems(telemetry: Telemetry, logger: Logger): ErrorLayer {
  return function problems(thrown, req, res, next) {
    if (res.headersSent) {
      next(thrown);
      return;
    }
    if (!isMcpoError(thrown)) logger.error({ err: thrown }, 'mcpo: a request failed unexpectedly');
    const error = toMcpoError(thrown);
    const call = toolCall(req);
    call?.settle({ ok: false, error });
    // A layer of the host's own may fail between the call's birth and the layer that answers it.
    if (!stateOf(req).isAnswered) sendProblem(req, res, error);
    if (!call) telemetry.refused(req, error);
  };
}
