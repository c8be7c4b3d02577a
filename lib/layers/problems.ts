import { isMcpoError, toMcpoError } from '../errors';
import type { ErrorLayer } from '../http/compose';
import { sendProblem } from '../http/response';
import { stateOf } from '../http/request-state';
import type { Telemetry } from '../telemetry/telemetry';
import type { Logger } from '../util/logger';

/** Answers failed requests with problem details. Unexpected errors are logged and answered with 500. */
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
    // A call has been measured already, and a request for a page is not measured.
    if (state.call || (!state.entry && req.method !== 'POST')) return;
    telemetry.refused(state, error, state.entry?.telemetry);
  };
}
