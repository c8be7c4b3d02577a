import type { IncomingMessage } from 'node:http';
import type { Caller, Identity } from '../calls/caller';
import type { Authenticator } from './authenticator';
import { type ForwardRule, type ForwardedHeaders, forwardHeaders } from './forward-headers';
import { type MaybePromise, mapMaybe } from '../util/maybe-promise';
import { McpoError } from '../errors';
import type { Principal } from '../options';
import { lowerCaseKeys } from '../util/json-object';
import { sha256 } from '../util/sha256';

/** Identifies the caller of a request to a server. */
export type Identify = (req: IncomingMessage, server: IdentifiedBy) => MaybePromise<Identity>;

/** The options of a server that decide which callers are kept apart. */
export interface IdentifiedBy {
  readonly forward: readonly ForwardRule[];
  readonly stateful: boolean;
}

const SESSION = /^[\x21-\x7e]{1,128}$/;

/**
 * Identifies callers by the host's `principal`, else by API key and forwarded headers. `X-MCPO-Session` distinguishes the
 * sessions of a principal with a stateful server; a caller without that header has one session.
 */
export function identifier(
  authenticator: Authenticator,
  principalOf: ((req: IncomingMessage) => Principal | Promise<Principal>) | undefined,
): Identify {
  const isOwnKey = (value: string): boolean => authenticator.isOwnKey(value);
  return (req, server) => {
    const { headers } = req;
    const forwarded = forwardHeaders(server.forward, headers, isOwnKey);
    const session = headers['x-mcpo-session'];
    if (!principalOf) {
      const key = authenticator.principal(req);
      return identityOf({ principal: key, scope: scopeOf(key, forwarded), session, forwarded }, server);
    }
    return mapMaybe(principalOf(req), (value) => {
      const principal = principalName(value);
      return identityOf({ principal, scope: principal, session, forwarded }, server);
    });
  };
}

/** The identity of a call by the host itself, on behalf of somebody or not. */
export function hostIdentity(
  { principal, headers = {}, session }: HostCaller,
  server: IdentifiedBy,
  isOwnKey: (value: string) => boolean,
): Identity {
  const forwarded = forwardHeaders(server.forward, lowerCaseKeys(headers), isOwnKey);
  return identityOf({ principal, scope: principal ?? scopeOf(undefined, forwarded), session, forwarded }, server);
}

/** On whose behalf the host calls. */
export interface HostCaller {
  readonly principal?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly session?: string | undefined;
}

interface IdentityParts {
  readonly principal: string | undefined;
  readonly scope: string | undefined;
  readonly session: unknown;
  readonly forwarded: ForwardedHeaders | undefined;
}

function identityOf({ principal, scope, session, forwarded }: IdentityParts, { stateful }: IdentifiedBy): Identity {
  if (!stateful) return { principal, scope, caller: forwarded };
  const caller = sessionOf(session, scope, forwarded);
  // Sessions have different states, so they share no answers.
  return { principal, scope: caller.id, caller };
}

/**
 * A principal as text. A value that is no name must not pass: all callers who have it would share results and sessions.
 *
 * @throws TypeError without the value, which may be a secret
 */
function principalName(principal: unknown): string | undefined {
  if (principal === undefined || principal === null) return undefined;
  if (typeof principal === 'string' && principal !== '') return principal;
  if (typeof principal === 'bigint' || (typeof principal === 'number' && Number.isFinite(principal))) {
    return String(principal);
  }
  const type = principal === '' ? 'an empty string' : `a value of the type ${typeof principal}`;
  const wanted = 'a non-empty string, a finite number, a bigint or undefined';
  throw new TypeError(`the option principal must give ${wanted}; it gave ${type}`);
}

/** Without a principal, API key and forwarded headers identify a caller. */
function scopeOf(key: string | undefined, forwarded: ForwardedHeaders | undefined): string | undefined {
  return forwarded ? digest([key ?? null, forwarded.id]) : key;
}

function sessionOf(session: unknown, scope: string | undefined, forwarded: ForwardedHeaders | undefined): Caller {
  const name = session ?? '';
  if (typeof name !== 'string' || (name !== '' && !SESSION.test(name))) {
    throw new McpoError('MCPO_INVALID_HEADER', 'X-MCPO-Session must be 1 to 128 visible ASCII characters');
  }
  const owner = digest([scope ?? null]);
  return { id: digest([owner, name, forwarded?.id ?? null]), owner, headers: forwarded?.headers ?? {} };
}

function digest(parts: readonly (string | null)[]): string {
  return sha256(JSON.stringify(parts));
}
