import { toolCall } from '../call';
import { isMcpoError, toMcpoError } from '../errors';
import type { ErrorLayer } from '../http';
import type { Logger } from '../options';
import { sendProblem } from '../reply';
import type { Telemetry } from '../telemetry';

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
    if (call) {
      call.settle({ ok: false, error });
    } else {
      sendProblem(req, res, error);
      telemetry.refused(req, error);
    }
  };
}
