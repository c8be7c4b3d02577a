import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';

type Headers = Readonly<Record<string, string>>;

/** A server as a child process. */
export interface StdioSpec {
  readonly kind: 'stdio';
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Headers;
  readonly cwd?: string;
}

/** A server over HTTP. */
export interface HttpSpec {
  readonly kind: 'http';
  readonly url: URL;
  readonly headers: Headers;
  /** `auto`: streamable HTTP, else SSE if the server does not support it. */
  readonly mode: 'streamable-http' | 'sse' | 'auto';
}

/** A server behind a transport of the host's own. */
export interface CustomSpec {
  readonly kind: 'custom';
  readonly connect: (context: { readonly headers: Headers }) => Transport | Promise<Transport>;
}

/** How a server is reached. */
export type TransportSpec = StdioSpec | HttpSpec | CustomSpec;
