import type { Tool as ToolDefinition } from '@modelcontextprotocol/sdk/types.js';
import type { ArgumentError } from '../../errors';

export type { ToolDefinition };

/** One tool of one server in the catalogue. */
export interface Tool {
  /** The name of the server in the options. */
  readonly server: string;
  readonly name: string;
  /** Its path below the mount point, percent-encoded: `/files/read_file`. */
  readonly path: string;
  /** The definition by the server, unmodified. */
  readonly definition: ToolDefinition;
  /** The SHA-256 of the definition, in base64url. */
  readonly version: string;
  /** The JSON Schema of the arguments; `{ type: 'object' }` if the server's own is invalid or too large. */
  readonly inputSchema: Readonly<Record<string, unknown>>;
  /** Whether a call can have arguments. Without any, there is no request body in the OpenAPI document. */
  readonly takesArguments: boolean;
  /** Validates arguments: the errors, or `undefined`. @throws McpoError MCPO_SERVER_DOWN if that is impossible now */
  check(args: Readonly<Record<string, unknown>>): readonly ArgumentError[] | undefined;
}
