import { isMcpoError, toMcpoError } from '../errors';
import type { ErrorLayer } from '../http/compose';
import { sendProblem } from '../http/problem';
import { stateOf } from '../http/request-state';
import type { Telemetry } from '../telemetry/telemetry';
import type { Logger } from '../util/logger';

/** Answers a request that failed with problem details; what it does not know is logged and answered as 500. */
export function problems(telemetry: Telemetry, logger: Logger): ErrorLayer {
  return function problems(thrown, req, res, next) {
    if (res.headersSent) {
      next(thrown);
      return;
    }
    if (!isMcpoError(thrown)) logger.error({ err: thrown }, 'mcpo: a request failed unexpectedly');
    const error = toMcpoError(thrown);
    sendProblem(req, res, error);
    const state = stateOf(req);
    // A call has been measured, and a page that is refused is no request to a tool.
    if (state.call || (!state.entry && req.method !== 'POST')) return;
    telemetry.refused(state, error, state.entry?.telemetry);
  };
}
