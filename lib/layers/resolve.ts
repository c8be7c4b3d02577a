import type { ServerRegistry } from '../servers/registry';
import { McpoError } from '../errors';
import { type Layer, endConnection, pathOf } from '../http/response';
import { propertyOf, stateOf } from '../http/request-state';

/** Finds the tool that the path names. */
export function resolve(directory: ServerRegistry): Layer {
  return function resolve(req, res, next) {
    if (directory.closing) {
      endConnection(req, res);
      throw new McpoError('MCPO_CLOSING', 'the router is shutting down', { retryAfterMs: 1_000 });
    }
    const tool = directory.find(pathOf(req));
    stateOf(req).target = tool;
    if (propertyOf(req, 'method') !== 'POST') {
      throw new McpoError('MCPO_METHOD_NOT_ALLOWED', 'a tool is called by POST', { headers: { Allow: 'POST' } });
    }
    next();
  };
}
