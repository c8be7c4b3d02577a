import { McpoError, isMcpoError } from '../errors';
import type { CallResult } from '../mcp/session/pending-call';
import { isNotSent } from '../mcp/session/failures';
import { rawResultBody, resultBody } from '../mcp/tools/result';
import { Tracing } from '../telemetry/tracing';
import { Answer, type ToolCall } from './call';
import type { Freshness } from './freshness';
import type { Next } from './pipeline';
import type { TraceContext } from './trace-context';

/** The last of the call layers: calls the tool on its MCP server, through breaker and retry. */
export function invoke(freshness: Freshness): Next {
  const tracing = new Tracing();

  /** One try. */
  function attempt(call: ToolCall, trace: TraceContext | undefined): Promise<CallResult> {
    const { entry, identity, cancellation: signal, onProgress } = call.init;
    const how = { signal, caller: identity.caller, trace, onProgress };
    const work = entry.server.call(entry.tool, call.arguments, how);
    return call.access === 'read' ? work : written(call.server, work);
  }

  /** Before anybody hears of the end of a write, what was read before it is out of date. */
  async function written(server: string, work: Promise<CallResult>): Promise<CallResult> {
    let result: CallResult;
    try {
      result = await work;
    } catch (error) {
      if (mayHaveRun(error)) {
        await freshness.written(server, isMcpoError(error) && error.outcome === undefined ? 'known' : 'unknown');
      }
      throw error;
    }
    await freshness.written(server, 'known');
    return result;
  }

  return async function invoke(call) {
    const { entry } = call.init;
    const begun = performance.now();
    let tries = 0;
    const tryOnce = (trace: TraceContext | undefined): Promise<CallResult> => {
      tries += 1;
      if (tries > 1) entry.telemetry.retried();
      return attempt(call, trace);
    };
    try {
      const result = await tracing.trace(call, (trace) => tryAgain(call, () => tryOnce(trace)));
      return new Answer(call.format === 'application/json' ? resultBody(result) : rawResultBody(result));
    } catch (error) {
      throw asMcpoError(error);
    } finally {
      if (tries > 0) entry.telemetry.upstream((performance.now() - begun) / 1_000);
    }
  };
}

/** Tries until a call is answered, as often as the tool's policy and the server's retry budget allow. */
async function tryAgain(call: ToolCall, attempt: () => Promise<CallResult>): Promise<CallResult> {
  const { entry, identity, cancellation: signal } = call.init;
  const { config, breaker, retrier } = entry.server;
  let lost: unknown;
  // Asked of every failure that another try may follow.
  const shouldRetry = (error: unknown): boolean => {
    if (!isLost(error)) return isNotSent(error);
    lost = error;
    return entry.policy.retried || isNotSent(error);
  };
  const tries = (): Promise<CallResult> => retrier.run(attempt, { signal, timeoutMs: config.timeoutMs, shouldRetry });
  try {
    // What a server does to one caller's credentials says nothing of the server.
    return await (identity.caller ? tries() : breaker.run(tries, { signal }));
  } catch (error) {
    // A try for which the server was down does not undo an earlier one, which may have run.
    throw lost !== undefined && !mayHaveRun(error) ? lost : error;
  }
}

function isLost(error: unknown): boolean {
  return isMcpoError(error) && error.code === 'MCPO_CONNECTION_LOST';
}

/** Every 503 says that nothing was sent, and so does a caller's leaving when its outcome is no unknown one. */
function mayHaveRun(error: unknown): boolean {
  if (!isMcpoError(error)) return true;
  return error.status !== 503 && !(error.code === 'MCPO_CALLER_GONE' && error.outcome === undefined);
}

function asMcpoError(error: unknown): McpoError {
  if (isMcpoError(error)) return error;
  const options = { cause: error, outcome: 'unknown' } as const;
  return new McpoError('MCPO_BAD_RESPONSE', 'the answer of the MCP server cannot be used', options);
}
