import { McpoError } from '../errors';
import type { Layer } from '../http/compose';
import { endConnection, pathOf } from '../http/response';
import { stateOf } from '../http/request-state';
import { type ServerRegistry, closing } from '../servers/registry';

/** Finds the tool that the path names. */
export function resolve(servers: ServerRegistry): Layer {
  return function resolve(req, res, next) {
    if (servers.closing) {
      endConnection(req, res);
      throw closing();
    }
    stateOf(req).entry = servers.find(pathOf(req));
    if (req.method !== 'POST') {
      throw new McpoError('MCPO_METHOD_NOT_ALLOWED', 'a tool is called by POST', { headers: { Allow: 'POST' } });
    }
    next();
  };
}
