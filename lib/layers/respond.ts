import { requiredCall } from '../calls/call';
import { callerGone, hasResponseEnded, onResponseEnd } from '../http/disconnect';
import type { ServerRegistry } from '../servers/registry';
import { type Layer, endConnection, send } from '../http/response';
import { sendProblem } from '../http/problem';
import { stateOf } from '../http/request-state';

/** Answers with the call's outcome, whichever layer settles it, and settles the call of a caller who has gone. */
export function reply(directory: Pick<ServerRegistry, 'closing'>): Layer {
  return function reply(req, res, next) {
    const call = requiredCall(req);
    stateOf(req).isAnswered = true;
    // The first to register runs last: what the other layers note while they clean up is in the answer.
    call.onSettled((outcome) => {
      if (res.headersSent || res.destroyed) return;
      if (directory.closing) endConnection(req, res);
      for (const [name, value] of call.notes) res.setHeader(name, value);
      if (outcome.ok) send(req, res, 200, { 'Content-Type': call.format }, outcome.body);
      else sendProblem(req, res, outcome.error);
    });
    const leave = (): void => {
      if (call.outcome) return;
      call.settle({ ok: false, error: callerGone() });
    };
    if (hasResponseEnded(req, res)) {
      leave();
      return;
    }
    next();
    // What is answered at once has nobody who could leave.
    if (!call.outcome) onResponseEnd(req, res, leave);
  };
}
