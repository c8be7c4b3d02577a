import type { IncomingHttpHeaders } from 'node:http';
import { ConfigError, McpoError } from '../errors';
import { sha256 } from '../util/sha256';

/** The headers of one caller that are forwarded to a server. */
export interface ForwardedHeaders {
  /** By their lower-case upstream name. */
  readonly headers: Readonly<Record<string, string>>;
  /** The SHA-256 of names and values. */
  readonly id: string;
}

/** A request header and its upstream name, both in lower case. */
export type ForwardRule = readonly [from: string, to: string];

// Hop-by-hop headers (RFC 9110 section 7.6.1), and those that describe the message to the server, not the caller's.
const NEVER =
  /^(?:host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|accept|accept-encoding|last-event-id|(?:content|proxy|mcp|sec)-.*)$/;
const TOKEN = /^[!#$%&'*+.^`|~\w-]+$/;
const MAX_VALUE_BYTES = 4096;

/** Validates a `forwardHeaders` option. */
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
 * The headers of a request that are forwarded; `undefined` if there are none.
 *
 * @param isOwnKey - whether a value is an API key of this router, which is never forwarded
 * @throws McpoError MCPO_INVALID_HEADER for a value over 4 KiB or with control characters
 */
export function forwardHeaders(
  rules: readonly ForwardRule[],
  headers: IncomingHttpHeaders,
  isOwnKey: (value: string) => boolean,
): ForwardedHeaders | undefined {
  if (rules.length === 0) return undefined;
  const forwarded: [name: string, value: string][] = [];
  for (const [from, to] of rules) {
    // A header may be called `constructor`.
    const found = Object.hasOwn(headers, from) ? headers[from] : undefined;
    const value = Array.isArray(found) ? found.join(', ') : found;
    if (value === undefined || isOwnKey(value)) continue;
    // RFC 9110 section 5.5 forbids control characters other than the tab.
    if (Buffer.byteLength(value) > MAX_VALUE_BYTES || /[^\t\x20-\x7e\x80-\xff]/.test(value)) {
      throw new McpoError('MCPO_INVALID_HEADER', `header ${from} is over 4 KiB or holds control characters`);
    }
    forwarded.push([to, value]);
  }
  if (forwarded.length === 0) return undefined;
  return { headers: Object.fromEntries(forwarded), id: sha256(JSON.stringify(forwarded)) };
}
