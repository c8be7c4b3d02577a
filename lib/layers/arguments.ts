import type { IncomingMessage } from 'node:http';
import { readJsonObject } from '../body';
import { type Format, ToolCall, bindCall } from '../call';
import type { Identify } from '../caller';
import type { Directory } from '../directory';
import { McpoError } from '../errors';
import type { Layer } from '../http';
import type { Tool } from '../mcp/tool';
import { targetOf } from '../target';
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
    const entry = directory.entry(tool.server);
    const identity = entry && (await identify(req, entry.config));
    return new ToolCall({ tool, args, format: formatOf(req), trace: traceContextOf(req.headers), ...identity });
  }

  return function readArguments(req, _res, next) {
    const tool = targetOf(req);
    if (!tool) throw new McpoError('MCPO_INTERNAL', 'the layer readArguments needs the layer resolve before it');
    callOf(req, tool).then((call) => {
      telemetry.follow(req, call);
      directory.track(call);
      bindCall(req, call);
      next();
    }, next);
  };
}

function formatOf(req: IncomingMessage): Format {
  const mcp = 'application/vnd.mcp+json';
  return req.headers.accept?.includes(mcp) ? mcp : 'application/json';
}
