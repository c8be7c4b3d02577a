import type { Tool as ToolDefinition } from '@modelcontextprotocol/sdk/types.js';
import type { ArgumentError } from '../../errors';

export type { ToolDefinition };

/** One tool of one server, as the catalogue holds it: all that can be worked out at discovery has been. */
export interface Tool {
  /** The name of the server in the options. */
  readonly server: string;
  /** The tool's name, exactly as its server gave it. */
  readonly name: string;
  /** Its path below the mount point, percent-encoded: `/files/read_file`. */
  readonly path: string;
  /** What the server said of the tool, whole. */
  readonly definition: ToolDefinition;
  /** Equal exactly when the definition is, in every process: SHA-256 in base64url. */
  readonly version: string;
  /** The JSON Schema of the arguments; the schema that takes any object where the server's own is unusable or too large. */
  readonly inputSchema: Readonly<Record<string, unknown>>;
  /** Whether the tool has arguments at all; a tool without any has no request body in the OpenAPI description. */
  readonly takesArguments: boolean;
  /**
   * What is wrong with the arguments: `undefined` when they fit the schema.
   *
   * @throws McpoError MCPO_SERVER_DOWN when that cannot be found out for the moment
   */
  check(args: Readonly<Record<string, unknown>>): readonly ArgumentError[] | undefined;
}
