import type { IncomingMessage, ServerResponse } from 'node:http';
import { type McpoError, isMcpoError, toMcpoError } from '../errors';
import type { ErrorLayer } from '../http/compose';
import { sendProblem } from '../http/response';
import { stateOf } from '../http/request-state';
import type { Telemetry } from '../telemetry/telemetry';
import type { Logger } from '../util/logger';

/** Answers failed requests with problem details. Unexpected errors are logged and answered with 500. */
export function problems(telemetry: Telemetry, logger: Logger): ErrorLayer {
  function logged(thrown: unknown): McpoError {
    if (!isMcpoError(thrown)) logger.error({ err: thrown }, 'mcpo: a request failed unexpectedly');
    return toMcpoError(thrown);
  }

  /** Sends an error. One of the host's own may hold what cannot be sent, such as a header with a line break. */
  function sent(req: IncomingMessage, res: ServerResponse, error: McpoError): McpoError {
    try {
      sendProblem(req, res, error);
      return error;
    } catch (thrown) {
      if (res.headersSent) throw thrown;
      for (const name of Object.keys(error.headers)) if (res.hasHeader(name)) res.removeHeader(name);
      const internal = logged(thrown);
      sendProblem(req, res, internal);
      return internal;
    }
  }

  return function problems(thrown, req, res, next) {
    if (res.headersSent) {
      next(thrown);
      return;
    }
    const error = sent(req, res, logged(thrown));
    const state = stateOf(req);
    // A call has been measured already, and a request for a page is not measured.
    if (state.call || (!state.entry && req.method !== 'POST')) return;
    telemetry.refused(state, error, state.entry?.telemetry);
  };
}
