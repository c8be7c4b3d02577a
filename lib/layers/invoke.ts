import { toolCall } from '../call';
import type { Directory } from '../directory';
import { McpoError, isMcpoError } from '../errors';
import type { Layer } from '../http';
import { rawResultBody, resultBody } from '../mcp/result';

/** Calls the tool on its MCP server and settles the call. */
export function invoke(directory: Directory): Layer {
  return function invoke(req, _res, _next) {
    const call = toolCall(req);
    const server = call && directory.entry(call.tool.server)?.server;
    if (!server) throw new McpoError('MCPO_INTERNAL', 'the layer invoke needs the layer readArguments before it');
    server
      .call(call.tool, call.args, { signal: call.signal, caller: call.forwarded })
      .then((result) => (call.format === 'application/json' ? resultBody(result) : rawResultBody(result)))
      .then(
        (body) => call.settle({ ok: true, body }),
        (error: unknown) => call.settle({ ok: false, error: asMcpoError(error) }),
      );
  };
}

function asMcpoError(error: unknown): McpoError {
  if (isMcpoError(error)) return error;
  return new McpoError('MCPO_BAD_RESPONSE', 'the answer of the MCP server cannot be used', {
    cause: error,
    outcome: 'unknown',
  });
}
