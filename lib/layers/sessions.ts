import type { Identify } from '../auth/identity';
import type { ServerRegistry } from '../servers/registry';
import { McpoError } from '../errors';
import { type Layer, failing } from '../http/compose';
import { pathOf } from '../http/response';

/** Ends the caller's session with a server that keeps state: `DELETE /:server`, with the session's `X-MCPO-Session`. */
export function sessions(servers: ServerRegistry, identify: Identify): Layer {
  return function sessions(req, res, next) {
    const name = req.method === 'DELETE' ? /^\/([^/]+)\/?$/.exec(pathOf(req))?.[1] : undefined;
    const server = name === undefined ? undefined : servers.get(name);
    if (!server?.config.stateful) {
      next();
      return;
    }
    Promise.resolve(identify(req, server.config))
      .then(async ({ caller }) => {
        const ended = caller !== undefined && (await server.endSession(caller));
        if (!ended) throw new McpoError('MCPO_UNKNOWN_SESSION', 'the caller has no such session with this server');
        res.statusCode = 204;
        res.end();
      })
      .catch(failing(next));
  };
}
