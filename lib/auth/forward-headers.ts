import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { ConfigError, McpoError } from '../errors';

/** The headers of one caller that go on to a server. */
export interface ForwardedHeaders {
  /** By their lower-case upstream name. */
  readonly headers: Readonly<Record<string, string>>;
  /** SHA-256 of names and values: equal exactly when the headers are. */
  readonly id: string;
}

/** Which request header goes on under which name, both in lower case. */
export type ForwardRule = readonly [from: string, to: string];

// RFC 9110 section 7.6.1 (hop-by-hop), and what describes our own message to the server rather than the caller's.
const NEVER =
  /^(?:host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|accept|accept-encoding|last-event-id|(?:content|proxy|mcp|sec)-.*)$/;
const TOKEN = /^[!#$%&'*+.^`|~\w-]+$/;
const MAX_VALUE_BYTES = 4096;

/**
 * The rules of a `forwardHeaders` option.
 *
 * @throws ConfigError for a name that is no header name or may never be forwarded
 */
export function forwardRules(path: string, option: unknown): readonly ForwardRule[] {
  if (option === undefined) return [];
  if (typeof option !== 'object' || option === null) {
    throw new ConfigError(path, 'must be a list of header names, or an object of names', { value: option });
  }
  const pairs: [string, unknown][] = Array.isArray(option)
    ? option.map((name: unknown) => [String(name), true])
    : Object.entries(option);
  const rules = pairs.map(([from, to]): ForwardRule => {
    const target = to === true ? from : to;
    for (const name of [from, target]) {
      if (typeof name !== 'string' || !TOKEN.test(name)) {
        throw new ConfigError(path, 'must name headers', { value: name });
      }
      if (NEVER.test(name.toLowerCase()))
        throw new ConfigError(path, `must not name ${name}, which is never forwarded`);
    }
    return [from.toLowerCase(), (target as string).toLowerCase()];
  });
  const targets = rules.map(([, to]) => to);
  const twice = targets.find((name, index) => targets.indexOf(name) !== index);
  if (twice !== undefined) throw new ConfigError(path, `must not forward two headers as ${twice}`);
  return rules;
}

/**
 * The headers of one request that go on by these rules; `undefined` when none is there.
 *
 * @param isOwnKey - whether a value carries this router's own API key, which never goes on
 * @throws McpoError MCPO_INVALID_HEADER for a value over 4 KiB or with control characters
 */
export function forwardHeaders(
  rules: readonly ForwardRule[],
  headers: IncomingHttpHeaders,
  isOwnKey: (value: string) => boolean,
): ForwardedHeaders | undefined {
  if (rules.length === 0) return undefined;
  const forwarded: [name: string, value: string][] = [];
  const hash = createHash('sha256');
  for (const [from, to] of rules) {
    // `constructor` is a name that a header may have, and that any object has.
    const found = Object.hasOwn(headers, from) ? headers[from] : undefined;
    const value = Array.isArray(found) ? found.join(', ') : found;
    if (value === undefined || isOwnKey(value)) continue;
    // Every control character but the tab, is forbidden in a value by RFC 9110 section 5.5.
    if (Buffer.byteLength(value) > MAX_VALUE_BYTES || /[^\t\x20-\x7e\x80-\xff]/.test(value)) {
      throw new McpoError('MCPO_INVALID_HEADER', `header ${from} is over 4 KiB or holds control characters`);
    }
    forwarded.push([to, value]);
    // A header name cannot hold a colon and a value no line feed, so that no two sets read alike.
    hash.update(`${to}:${value}\n`);
  }
  if (forwarded.length === 0) return undefined;
  return { headers: Object.fromEntries(forwarded), id: hash.digest('base64url') };
}
