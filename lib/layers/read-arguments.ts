import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Identify } from '../auth/identity';
import { type Format, ToolCall } from '../calls/call';
import { McpoError } from '../errors';
import { readJsonObject } from '../http/body';
import { cacheControlOf } from '../http/cache-control';
import { type Layer, failing } from '../http/compose';
import { checkPlain } from '../util/plain-json';
import { stateOf } from '../http/request-state';
import { traceContextOf } from '../http/trace-context';
import { Canceller } from '../util/cancellation';

/** Reads the arguments of a call, and who makes it: here the {@link ToolCall} is born. */
export function readArguments(identify: Identify, bodyLimit: number): Layer {
  return function readArguments(req, _res, next) {
    const state = stateOf(req);
    const { entry, id, begunAt } = state;
    if (!entry) throw new McpoError('MCPO_INTERNAL', 'the layer readArguments needs the layer resolve before it');
    const { headers } = req;
    const makeCall = async (): Promise<ToolCall> => {
      refuseForeign(req);
      const args = await readJsonObject(req, bodyLimit);
      const identity = await identify(req, entry.server.config);
      const cancellation = (state.canceller = new Canceller());
      return new ToolCall({
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
    };
    makeCall()
      .then((call) => {
        state.call = call;
        next();
      })
      .catch(failing(next));
  };
}

/**
 * Arguments have one JSON text, by which results are kept and shared. What a parser of the host has made of a body may have
 * none, such as a Date of its reviver: then the host is to be told, whatever the tool does and wherever its results are kept.
 */
function refuseForeign(req: IncomingMessage): void {
  const { body } = req as { body?: unknown };
  if (typeof body !== 'object' || body === null || Buffer.isBuffer(body) || !req.readableEnded) return;
  // A body of another type is refused for that.
  if (!req.headers['content-type']?.toLowerCase().startsWith('application/json')) return;
  try {
    checkPlain(body);
  } catch (cause) {
    throw new TypeError('req.body, as a parser of the host has left it, is no JSON value', { cause });
  }
}

function formatOf({ accept }: IncomingHttpHeaders): Format {
  const mcp = 'application/vnd.mcp+json';
  return accept?.includes(mcp) ? mcp : 'application/json';
}
