import type { Caller } from '../calls/caller';
import type { ToolPolicy } from '../calls/policy';
import type { ServerConfig } from '../config/server';
import type { PermitSource } from '../limit/permit';
import type { Connection } from '../mcp/session/connection';
import type { Tool } from '../mcp/tools/tool';
import type { Retrier } from '../retry/retry';
import type { ToolTelemetry } from '../telemetry/telemetry';
import type { Cancellation } from '../util/cancellation';

/** One tool with all that its calls need, made when the tool is discovered: nothing is looked up for a call. */
export interface ToolEntry {
  readonly server: Upstream;
  readonly tool: Tool;
  readonly policy: ToolPolicy;
  /** What its calls need a permit from. */
  readonly limits: PermitSource;
  readonly telemetry: ToolTelemetry;
}

/** What a call needs of the server of its tool. */
export interface Upstream {
  readonly config: ServerConfig;
  /** The `serverInfo.name`; `undefined` until it has been reached. */
  readonly serverName: string | undefined;
  readonly retrier: Retrier;
  /** Connections that its own pool, or that of a caller, has at most. */
  readonly maxConnections: number;

  /** The id of the caller's session: another one after its end. @throws McpoError MCPO_POOL_EXHAUSTED, MCPO_CLOSING */
  sessionOf(caller: Caller): string;

  /** The tool of this name now: a list older than 5 s is read again before, where the server can be reached. */
  renewed(name: string): Promise<ToolEntry | undefined>;

  /**
   * Does something with a connection: one of the server's own, or of the caller's.
   *
   * @throws what `work` throws; McpoError without `outcome` when there was no connection
   */
  use<T>(work: (connection: Connection) => Promise<T>, caller: Caller | undefined, signal: Cancellation): Promise<T>;
}
