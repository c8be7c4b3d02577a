import { type ToolCall, requiredCall } from '../call';
import type { Directory, DirectoryEntry } from '../directory';
import { McpoError, isMcpoError } from '../errors';
import type { Freshness } from '../freshness';
import type { Layer } from '../http';
import type { CallResult } from '../mcp/call';
import { isNotSent } from '../mcp/faults';
import { rawResultBody, resultBody } from '../mcp/result';
import type { Policies, ToolPolicy } from '../policy';

/** Calls the tool on its MCP server, through breaker and retry, and settles the call. */
export function invoke(directory: Directory, policies: Policies, freshness: Freshness): Layer {
  /** Before anybody hears of the end of a write, what was read before it is out of date. */
  async function run(call: ToolCall, entry: DirectoryEntry, policy: ToolPolicy): Promise<Buffer> {
    const { server } = call.tool;
    let result: CallResult;
    try {
      result = await callServer(call, entry, policy);
    } catch (error) {
      if (policy.access !== 'read' && mayHaveRun(error)) {
        await freshness.written(server, isMcpoError(error) && error.outcome === undefined ? 'known' : 'unknown');
      }
      throw error;
    }
    if (policy.access !== 'read') await freshness.written(server, 'known');
    return call.format === 'application/json' ? resultBody(result) : rawResultBody(result);
  }

  return function invoke(req) {
    const call = requiredCall(req);
    const entry = directory.entry(call.tool.server);
    if (!entry) throw new McpoError('MCPO_UNKNOWN_SERVER', 'no server of this name is mounted here');
    run(call, entry, policies.of(call.tool)).then(
      (body) => call.settle({ ok: true, body }),
      (error: unknown) => call.settle({ ok: false, error: asMcpoError(error) }),
    );
  };
}

function callServer(call: ToolCall, entry: DirectoryEntry, policy: ToolPolicy): Promise<CallResult> {
  const { server, config, breaker, retrier } = entry;
  const { tool, args, forwarded, signal } = call;
  const attempt = (): Promise<CallResult> => server.call(tool, args, { signal, caller: forwarded });
  const tries = (): Promise<CallResult> =>
    retrier.run(attempt, {
      signal,
      timeoutMs: config.timeoutMs,
      shouldRetry: (error) => isNotSent(error) || (policy.retried && isLost(error)),
    });
  return breaker.run(tries, { signal });
}

function isLost(error: unknown): boolean {
  return isMcpoError(error) && error.code === 'MCPO_CONNECTION_LOST';
}

/** Every 503 says that nothing was sent. */
function mayHaveRun(error: unknown): boolean {
  return !isMcpoError(error) || error.status !== 503;
}

function asMcpoError(error: unknown): McpoError {
  if (isMcpoError(error)) return error;
  const options = { cause: error, outcome: 'unknown' } as const;
  return new McpoError('MCPO_BAD_RESPONSE', 'the answer of the MCP server cannot be used', options);
}
