import { type ToolCall, requiredCall } from './call';
import type { ServerRegistry, ServerEntry } from '../servers/registry';
import { McpoError, isMcpoError } from '../errors';
import type { Freshness } from './freshness';
import type { Layer } from '../http/response';
import type { CallResult } from '../mcp/session/pending-call';
import { isNotSent } from '../mcp/session/failures';
import { rawResultBody, resultBody } from '../mcp/tools/result';
import type { Tool } from '../mcp/tools/tool';
import type { Policies, ToolPolicy } from './policy';
import type { Telemetry } from '../telemetry/telemetry';
import type { TraceContext } from '../http/trace-context';
import { Tracing } from '../telemetry/tracing';

/** Calls the tool on its MCP server, through breaker and retry, and settles the call. */
export function invoke(
  directory: ServerRegistry,
  policies: Policies,
  freshness: Freshness,
  telemetry: Telemetry,
): Layer {
  const tracing = new Tracing();

  /** One try. */
  function attempt(
    { server }: ServerEntry,
    call: ToolCall,
    { access }: ToolPolicy,
    trace: TraceContext | undefined,
  ): Promise<CallResult> {
    const { tool, args, caller, cancellation: signal } = call;
    const work = server.call(tool, args, { signal, caller, trace });
    return access === 'read' ? work : written(tool, work);
  }

  /** Before anybody hears of the end of a write, what was read before it is out of date. */
  async function written({ server }: Tool, work: Promise<CallResult>): Promise<CallResult> {
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

  async function run(call: ToolCall, entry: ServerEntry, policy: ToolPolicy): Promise<Buffer> {
    const begun = performance.now();
    let tries = 0;
    const tryOnce = (trace: TraceContext | undefined): Promise<CallResult> => {
      tries += 1;
      if (tries > 1) telemetry.retried(call.tool.server);
      return attempt(entry, call, policy, trace);
    };
    const work = (trace: TraceContext | undefined): Promise<CallResult> =>
      callServer(call, entry, policy, () => tryOnce(trace));
    let result: CallResult;
    try {
      result = await tracing.trace(call, entry.config.transport, work);
    } finally {
      if (tries > 0) telemetry.upstream(call.tool, (performance.now() - begun) / 1_000);
    }
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

function callServer(
  { caller, cancellation: signal }: ToolCall,
  { config, breaker, retrier }: ServerEntry,
  { retried }: ToolPolicy,
  attempt: () => Promise<CallResult>,
): Promise<CallResult> {
  let lost: unknown;
  // Asked of every failure that another try may follow.
  const shouldRetry = (error: unknown): boolean => {
    if (!isLost(error)) return isNotSent(error);
    lost = error;
    return retried || isNotSent(error);
  };
  const tries = (): Promise<CallResult> => retrier.run(attempt, { signal, timeoutMs: config.timeoutMs, shouldRetry });
  // What a server does to one caller's credentials says nothing of the server.
  const work = caller ? tries() : breaker.run(tries, { signal });
  return work.catch((error: unknown) => {
    // A try for which the server was down does not undo an earlier one, which may have run.
    throw lost !== undefined && !mayHaveRun(error) ? lost : error;
  });
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
