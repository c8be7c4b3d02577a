import type { IncomingMessage } from 'node:http';
import { callerGone } from '../errors';
import { McpoError } from '../errors';
import { type Layer, failing } from '../http/compose';
import { onResponseEnd } from '../http/disconnect';
import { stateOf } from '../http/request-state';
import { endConnection, pathOf } from '../http/response';
import type { ServerRegistry } from '../servers/registry';
import type { ToolEntry } from '../servers/tool-entry';
import { Canceller } from '../util/cancellation';
import { isPromise } from '../util/maybe-promise';

/** Finds the tool that the path names; waits for a server that is being reached for the first time. */
export function resolve(servers: ServerRegistry): Layer {
  return function resolve(req, res, next) {
    if (servers.closing) endConnection(req, res);
    servers.requireOpen();
    let stay = (): void => undefined;
    const found = servers.find(pathOf(req), () => {
      const canceller = new Canceller();
      stay = onResponseEnd(req, res, () => canceller.abort(callerGone()));
      return canceller;
    });
    if (!isPromise(found)) {
      take(req, found);
      next();
      return;
    }
    found
      .then((entry) => take(req, entry))
      .finally(stay)
      .then(() => next(), failing(next));
  };
}

function take(req: IncomingMessage, entry: ToolEntry): void {
  stateOf(req).entry = entry;
  if (req.method !== 'POST') {
    throw new McpoError('MCPO_METHOD_NOT_ALLOWED', 'a tool is called by POST', { headers: { Allow: 'POST' } });
  }
}
