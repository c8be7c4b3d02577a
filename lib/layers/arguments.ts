import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Authenticator } from '../auth/authenticator';
import { type ForwardedHeaders, forwardHeaders } from '../auth/forward';
import { readJsonObject } from '../body';
import { type Format, ToolCall, bindCall } from '../call';
import type { Config } from '../config/config';
import type { Directory } from '../directory';
import { McpoError } from '../errors';
import type { Layer } from '../http';
import type { Tool } from '../mcp/tool';
import { targetOf } from '../target';

/** Reads the arguments and checks them against the tool's schema: here the {@link ToolCall} is born. */
export function readArguments(
  directory: Directory,
  authenticator: Authenticator,
  config: Pick<Config, 'bodyLimit' | 'principal'>,
): Layer {
  async function callOf(req: IncomingMessage, tool: Tool): Promise<ToolCall> {
    const args = await readJsonObject(req, config.bodyLimit);
    const errors = tool.check(args);
    if (errors) {
      throw new McpoError('MCPO_INVALID_ARGUMENTS', 'the arguments do not fit the input schema of the tool', {
        errors,
      });
    }
    const rules = directory.entry(tool.server)?.config.forward ?? [];
    const forwarded = forwardHeaders(rules, req.headers, (value) => authenticator.isOwnKey(value));
    const principal = config.principal ? await config.principal(req) : ownPrincipal(authenticator, req, forwarded);
    return new ToolCall({ tool, args, format: formatOf(req), principal, forwarded });
  }

  return function readArguments(req, _res, next) {
    const tool = targetOf(req);
    if (!tool) throw new McpoError('MCPO_INTERNAL', 'the layer readArguments needs the layer resolve before it');
    callOf(req, tool).then((call) => {
      directory.track(call);
      bindCall(req, call);
      next();
    }, next);
  };
}

/** Two callers are the same to us when key and forwarded headers are. */
function ownPrincipal(
  authenticator: Authenticator,
  req: IncomingMessage,
  forwarded: ForwardedHeaders | undefined,
): string | undefined {
  const key = authenticator.principal(req);
  if (!forwarded) return key;
  return createHash('sha256')
    .update(`${key ?? ''}:${forwarded.id}`)
    .digest('base64url');
}

function formatOf(req: IncomingMessage): Format {
  const mcp = 'application/vnd.mcp+json';
  return req.headers.accept?.includes(mcp) ? mcp : 'application/json';
}
