import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { readJsonObject } from '../body';
import { type Format, ToolCall } from '../call';
import { isPromise } from '../cache/maybe-promise';
import type { Identify } from '../caller';
import type { Directory } from '../directory';
import { McpoError } from '../errors';
import { type Layer, failing } from '../http';
import type { Tool } from '../mcp/tool';
import { stateOf } from '../request-state';
import type { Telemetry } from '../telemetry';
import { traceContextOf } from '../trace-context';

/** Reads the arguments and checks them against the tool's schema: here the {@link ToolCall} is born. */
export function readArguments(
  directory: Directory,
  identify: Identify,
  telemetry: Telemetry,
  bodyLimit: number,
): Layer {
  async function callOf(req: IncomingMessage, tool: Tool): Promise<ToolCall> {
    const args = await readJsonObject(req, bodyLimit);
    const errors = tool.check(args);
    if (errors) {
      throw new McpoError('MCPO_INVALID_ARGUMENTS', 'the arguments do not fit the input schema of the tool', {
        errors,
      });
    }
    const { headers } = stateOf(req);
    const entry = directory.entry(tool.server);
    const identity = entry && identify(req, entry.config);
    const { principal, caller } = (isPromise(identity) ? await identity : identity) ?? {};
    const origin = entry?.config.origin;
    const trace = traceContextOf(headers);
    return new ToolCall({ tool, args, format: formatOf(headers), principal, caller, origin, trace });
  }

  return function readArguments(req, _res, next) {
    const state = stateOf(req);
    const { target: tool } = state;
    if (!tool) throw new McpoError('MCPO_INTERNAL', 'the layer readArguments needs the layer resolve before it');
    callOf(req, tool).then((call) => {
      telemetry.follow(req, call);
      directory.track(call);
      state.call = call;
      next();
    }, failing(next));
  };
}

function formatOf({ accept }: IncomingHttpHeaders): Format {
  const mcp = 'application/vnd.mcp+json';
  return accept?.includes(mcp) ? mcp : 'application/json';
}
