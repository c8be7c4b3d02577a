import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { readJsonObject } from '../http/body';
import { type Format, ToolCall } from '../calls/call';
import { type MaybePromise, mapMaybe } from '../util/maybe-promise';
import type { Identify, Identity } from '../auth/identity';
import type { ServerRegistry } from '../servers/registry';
import { McpoError } from '../errors';
import { type Layer, failing } from '../http/response';
import type { Tool } from '../mcp/tools/tool';
import { checkPlain } from '../http/plain-json';
import { stateOf } from '../http/request-state';
import type { Telemetry } from '../telemetry/telemetry';
import { traceContextOf } from '../http/trace-context';

/** Reads the arguments and checks them against the tool's schema: here the {@link ToolCall} is born. */
export function readArguments(
  directory: ServerRegistry,
  identify: Identify,
  telemetry: Telemetry,
  bodyLimit: number,
): Layer {
  function callOf(req: IncomingMessage, tool: Tool, args: ToolCall['args']): MaybePromise<ToolCall> {
    const errors = tool.check(args);
    if (errors) {
      throw new McpoError('MCPO_INVALID_ARGUMENTS', 'the arguments do not fit the input schema of the tool', {
        errors,
      });
    }
    const { headers } = stateOf(req);
    const config = directory.entry(tool.server)?.config;
    const format = formatOf(headers);
    const trace = traceContextOf(headers);
    const callBy = ({ principal, caller }: Partial<Identity>): ToolCall =>
      new ToolCall({ tool, args, format, principal, caller, origin: config?.origin, trace });
    return config ? mapMaybe(identify(req, config), callBy) : callBy({});
  }

  return function readArguments(req, _res, next) {
    const state = stateOf(req);
    const { target: tool } = state;
    if (!tool) throw new McpoError('MCPO_INTERNAL', 'the layer readArguments needs the layer resolve before it');
    state.headers = req.headers;
    const begin = (call: ToolCall): void => {
      telemetry.follow(req, call);
      directory.track(call);
      state.call = call;
      next();
    };
    refuseForeign(req);
    readJsonObject(req, bodyLimit)
      .then((args) => callOf(req, tool, args))
      .then(begin)
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
  if (!stateOf(req).headers['content-type']?.toLowerCase().startsWith('application/json')) return;
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
