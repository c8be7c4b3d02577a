import { McpoError, isMcpoError } from '../errors';
import type { Connection } from '../mcp/session/connection';
import {
  RateLimited,
  badResponse,
  deniesTool,
  isConnectionGone,
  isNotSent,
  isSessionForgotten,
} from '../mcp/session/failures';
import type { CallResult } from '../mcp/session/pending-call';
import { rawResultBody, resultBody } from '../mcp/tools/result';
import { LONGEST_WAIT_MS } from '../servers/rate-limits';
import { Tracing } from '../telemetry/tracing';
import { Answer, type ToolCall } from './call';
import type { Freshness, Write } from './freshness';
import type { Next } from './layer';
import type { TraceContext } from './trace-context';

/**
 * The last of the call layers: calls the tool on its MCP server. This page tells who tries again, from the outside in:
 *
 * 1. the retrier ({@link retry}), after a pause, within its budget: what was not sent, and what may be done twice;
 * 2. {@link overAConnection}, at once: what was not sent because its connection was lost;
 * 3. the pool opens connections again, with a backoff; calls wait where there was one a moment ago, and are else refused: 503
 *    `MCPO_SERVER_DOWN`, or `MCPO_BREAKER_OPEN` after too many in a row (`lib/pool`).
 *
 * Nobody does while the server wants no calls with this credential: 429 (`lib/servers/rate-limits.ts`).
 */
export function invoke(freshness: Freshness): Next {
  const tracing = new Tracing();

  return async function invoke(call) {
    const { entry } = call.init;
    const begun = performance.now();
    let tries = 0;
    let isRefused = false;
    const work = (trace: TraceContext | undefined): Promise<CallResult> =>
      retry(call, () => {
        tries += 1;
        if (tries > 1) entry.telemetry.retried();
        if (call.access === 'read') return overAConnection(call, trace);
        const write = freshness.write(call.group);
        return written(write, overAConnection(call, trace, write.endedLate));
      });
    try {
      const result = await tracing.trace(call, work);
      if (call.format !== 'application/json') return new Answer(rawResultBody(result));
      const { body, companions } = resultBody(result, entry.tool.definition.outputSchema);
      return new Answer(body, companions);
    } catch (error) {
      const thrown = await explained(asMcpoError(error), call);
      isRefused = thrown.code === 'MCPO_BREAKER_OPEN';
      throw thrown;
    } finally {
      if (tries > 0 && !isRefused) entry.telemetry.upstream((performance.now() - begun) / 1_000);
    }
  };
}

/**
 * Retry budget: bounds the tries. What was not sent is tried again; a read or an idempotent tool also if the connection was lost
 * meanwhile, unless the server is `stateful`: its session is gone. A 429 is waited for once, as long as the server says.
 */
async function retry(call: ToolCall, attempt: () => Promise<CallResult>): Promise<CallResult> {
  const { entry, cancellation: signal } = call.init;
  const { config, retrier } = entry.server;
  let lost: unknown;
  let hasWaited = false;
  const shouldRetry = (error: unknown): boolean => {
    if (isMcpoError(error) && error.code === 'MCPO_CONNECTION_LOST') {
      lost = error;
      return entry.policy.retried && !config.stateful;
    }
    if (!(error instanceof RateLimited) || error.retryAfterMs === undefined) return isNotSent(error);
    if (hasWaited || error.retryAfterMs > LONGEST_WAIT_MS) return false;
    return (hasWaited = true);
  };
  try {
    return await retrier.run(attempt, { signal, timeoutMs: config.timeoutMs, shouldRetry, pauseMs });
  } catch (error) {
    // A try that was not sent does not undo an earlier one, which may have run.
    throw lost !== undefined && !mayHaveRun(error) ? lost : error;
  }
}

/**
 * Sends a call over a connection that is still there. All of the pool may have gone; what has been opened since then, hardly.
 * That a session is forgotten is known only once the call was sent over it: other sessions are then asked by a ping before, and
 * it is believed once. So a server that is wrong about it runs the tool twice at most, and its outcome is unknown.
 */
async function overAConnection(
  call: ToolCall,
  trace: TraceContext | undefined,
  onLateEnd?: () => void,
): Promise<CallResult> {
  const { entry, identity, cancellation: signal, onProgress, onSent } = call.init;
  const { server, tool } = entry;
  const { timeoutMs, maxTotalTimeoutMs } = server.config;
  let wasForgotten = false;
  const asTask = tool.definition.execution?.taskSupport === 'required';
  const options = { signal, timeoutMs, maxTotalTimeoutMs, meta: trace, asTask, onProgress, onLateEnd };
  const send = (connection: Connection): Promise<CallResult> => {
    onSent?.();
    return connection.call(tool.name, call.arguments, options);
  };
  for (let others = server.maxConnections; ; others--) {
    try {
      const work = wasForgotten ? checkedBefore(send) : send;
      return await server.use(work, identity.caller, signal);
    } catch (error) {
      const isAgain = wasForgotten && isSessionForgotten(error);
      if (isConnectionGone(error) && !isAgain && others > 0) {
        wasForgotten ||= isSessionForgotten(error);
        continue;
      }
      if (wasForgotten && !mayHaveRun(error)) throw badResponse(error);
      throw error;
    }
  }
}

function checkedBefore(send: (connection: Connection) => Promise<CallResult>): typeof send {
  return (connection) => connection.check().then(() => send(connection));
}

function pauseMs(error: unknown): number | undefined {
  return error instanceof RateLimited ? error.retryAfterMs : undefined;
}

/** Before anybody hears of the end of a write, what was read before it is out of date. */
async function written(write: Write, work: Promise<CallResult>): Promise<CallResult> {
  let result: CallResult;
  try {
    result = await work;
  } catch (error) {
    if (mayHaveRun(error)) await (isMcpoError(error) && error.outcome === undefined ? write.ended() : write.lost());
    throw error;
  }
  await write.ended();
  return result;
}

/** Every 503 and 429 says that nothing was sent, and so does a caller's leaving when its outcome is no unknown one. */
function mayHaveRun(error: unknown): boolean {
  if (!isMcpoError(error)) return true;
  if (error.status === 503 || error.code === 'MCPO_UPSTREAM_RATE_LIMITED') return false;
  return !(error.code === 'MCPO_CALLER_GONE' && error.outcome === undefined);
}

/** A server that denies a tool may have lost it: its list says which it is. */
async function explained(error: McpoError, { init: { entry } }: ToolCall): Promise<McpoError> {
  if (!deniesTool(error) || (await entry.server.renewed(entry.tool.name))) return error;
  return new McpoError('MCPO_UNKNOWN_TOOL', error.message, { cause: error.cause });
}

function asMcpoError(error: unknown): McpoError {
  if (isMcpoError(error)) return error;
  const options = { cause: error, outcome: 'unknown' } as const;
  return new McpoError('MCPO_BAD_RESPONSE', 'the answer of the MCP server cannot be used', options);
}
