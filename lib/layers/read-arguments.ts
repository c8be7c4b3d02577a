import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Identify } from '../auth/identity';
import { type Format, ToolCall } from '../calls/call';
import type { Identity } from '../calls/caller';
import { McpoError } from '../errors';
import { readJsonObject } from '../http/body';
import { cacheControlOf } from '../http/cache-control';
import { type Layer, failing } from '../http/compose';
import type { JsonObject } from '../util/json-object';
import { isPromise } from '../util/maybe-promise';
import { checkPlain } from '../util/plain-json';
import { stateOf } from '../http/request-state';
import { traceContextOf } from '../http/trace-context';
import { Canceller } from '../util/cancellation';

/** Makes the {@link ToolCall}: reads the arguments and identifies the caller. */
export function readArguments(identify: Identify, bodyLimit: number): Layer {
  return function readArguments(req, _res, next) {
    const state = stateOf(req);
    const { entry, id, begunAt } = state;
    if (!entry) throw new McpoError('MCPO_INTERNAL', 'the layer readArguments needs the layer resolve before it');
    const { headers } = req;
    const goOn = (args: JsonObject, identity: Identity): void => {
      const cancellation = (state.canceller = new Canceller());
      state.call = new ToolCall({
        entry,
        arguments: args,
        format: formatOf(headers),
        identity,
        cacheControl: cacheControlOf(headers['cache-control']),
        cancellation,
        trace: traceContextOf(headers),
        id,
        begunAt,
      });
      next();
    };
    requirePlainJson(req);
    readJsonObject(req, bodyLimit)
      .then((args) => {
        const identity = identify(req, entry.server.config);
        if (isPromise(identity)) return identity.then((identified) => goOn(args, identified));
        goOn(args, identity);
      })
      .catch(failing(next));
  };
}

/**
 * Results are cached and shared by the JSON text of their arguments. A body that the host has parsed may have none, for
 * example with a Date made by a reviver: that is an error of the host.
 */
function requirePlainJson(req: IncomingMessage): void {
  const { body } = req as { body?: unknown };
  if (typeof body !== 'object' || body === null || Buffer.isBuffer(body) || !req.readableEnded) return;
  // A body of another type is rejected later.
  if (!req.headers['content-type']?.toLowerCase().startsWith('application/json')) return;
  try {
    checkPlain(body);
  } catch (cause) {
    throw new TypeError('req.body, as parsed by the host, is no JSON value', { cause });
  }
}

function formatOf({ accept }: IncomingHttpHeaders): Format {
  const mcp = 'application/vnd.mcp+json';
  return accept?.includes(mcp) ? mcp : 'application/json';
}
