import * as crypto from 'node:crypto';
import { canonicalJson } from './canonical-json';

/** All that the result of a call depends on. */
export interface KeyParts {
  /** The name of the MCP server. */
  readonly server: string;
  /** The name of the tool. */
  readonly tool: string;
  /** What the tool is: a server may give the name to another. @defaultValue always the same */
  readonly version?: string | undefined;
  /** The arguments: a JSON value. */
  readonly args: unknown;
  /** Who calls; `undefined` for nobody in particular, which differs from every name. */
  readonly principal: string | undefined;
  /** The representation of the result: a media type. */
  readonly format: string;
}

/**
 * The key of a call's result: a SHA-256 digest in base64url, 43 characters.
 *
 * Calls share a key only if all their parts are equal, arguments as JSON values: neither the order of members nor the
 * spelling of a number counts.
 *
 * @throws TypeError if the arguments are no JSON value; see {@link canonicalJson}
 */
export function cacheKey(parts: KeyParts): string {
  // A JSON array frames its items without ambiguity: no part can run over into the next.
  const { server, tool, version, args, principal = null, format } = parts;
  return sha256(canonicalJson([server, tool, args, principal, format, ...(version === undefined ? [] : [version])]));
}

/** `crypto.hash` came with Node 20.12 and takes a third of the time. */
const sha256 =
  typeof crypto.hash === 'function'
    ? (text: string): string => crypto.hash('sha256', text, 'base64url')
    : (text: string): string => crypto.createHash('sha256').update(text).digest('base64url');
