import type { Caller } from '../calls/caller';
import type { ToolPolicy } from '../calls/policy';
import type { TraceContext } from '../calls/trace-context';
import type { ServerConfig } from '../config/server';
import type { PermitSource } from '../limit/permit';
import type { CallResult, Progress } from '../mcp/session/pending-call';
import type { Tool } from '../mcp/tools/tool';
import type { CircuitBreaker } from '../retry/breaker';
import type { Retrier } from '../retry/retry';
import type { ToolTelemetry } from '../telemetry/telemetry';
import type { Cancellation } from '../util/cancellation';

/** One tool with all that its calls need, made when the tool is discovered: nothing is looked up for a call. */
export interface ToolEntry {
  /** The server that has it. */
  readonly server: Upstream;
  /** What the server said of it. */
  readonly tool: Tool;
  /** What may be done with its calls. */
  readonly policy: ToolPolicy;
  /** What its calls need a permit from. */
  readonly limits: PermitSource;
  /** What its calls tell. */
  readonly telemetry: ToolTelemetry;
}

/** What a call needs of the server of its tool. */
export interface Upstream {
  readonly config: ServerConfig;
  /** Keeps calls away while the server cannot be reached. */
  readonly breaker: CircuitBreaker;
  readonly retrier: Retrier;

  /**
   * Calls a tool. Where it turns out that a connection had gone, so that nothing was sent, it is sent over the next.
   *
   * @throws McpoError without `outcome` when nothing was sent, with `outcome: 'unknown'` when the tool may have run
   */
  call(tool: Tool, args: Readonly<Record<string, unknown>>, how: UpstreamCall): Promise<CallResult>;
}

/** What a call needs beside the tool and its arguments. */
export interface UpstreamCall {
  /** Cancels the call. */
  readonly signal: Cancellation;
  /** Over whose connections it goes, if not over the server's own. */
  readonly caller?: Caller | undefined;
  /** Where it belongs in a distributed trace: the server is told. */
  readonly trace?: TraceContext | undefined;
  /** Told how far the tool has come; must not throw. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}
