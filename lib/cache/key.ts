import { sha256 } from '../util/sha256';
import { canonicalJson } from './canonical-json';

/** Everything that the result of a call depends on. */
export interface KeyParts {
  readonly server: string;
  readonly tool: string;
  /** The tool's definition, as a server may give its name to another tool. @defaultValue always the same */
  readonly version?: string | undefined;
  /** The arguments: a JSON value. */
  readonly args: unknown;
  /** Who calls; `undefined` for an anonymous caller, which differs from every name. */
  readonly principal: string | undefined;
  /** The representation of the result: a media type. */
  readonly format: string;
}

/**
 * The key of a call's result: a SHA-256 digest in base64url, 43 characters.
 *
 * Two calls have the same key exactly if all parts are equal. Arguments are compared as JSON values: neither the order of
 * members nor the notation of numbers counts.
 *
 * @throws TypeError if the arguments have no JSON form; see {@link canonicalJson}
 */
export function cacheKey(parts: KeyParts): string {
  // A JSON array separates its items without ambiguity.
  const { server, tool, version, args, principal = null, format } = parts;
  return sha256(canonicalJson([server, tool, args, principal, format, ...(version === undefined ? [] : [version])]));
}
