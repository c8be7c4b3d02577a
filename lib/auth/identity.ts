import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Caller, Identity } from '../calls/caller';
import type { Authenticator } from './authenticator';
import { type ForwardRule, type ForwardedHeaders, forwardHeaders } from './forward-headers';
import { type MaybePromise, mapMaybe } from '../util/maybe-promise';
import { McpoError } from '../errors';
import type { Principal } from '../options';

/** Tells who makes a request to a server. */
export type Identify = (req: IncomingMessage, server: IdentifiedBy) => MaybePromise<Identity>;

/** What of a server says which callers must be kept apart. */
export interface IdentifiedBy {
  readonly forward: readonly ForwardRule[];
  readonly stateful: boolean;
}

const SESSION = /^[\x21-\x7e]{1,128}$/;

/**
 * Tells callers apart by what the host says of them, else by their API key and the headers that go on; and the sessions
 * of a server that keeps state by `X-MCPO-Session`, among those of the principal. A caller without that header has one
 * session all the same.
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
    return mapMaybe(principalOf(req), (said) => {
      const principal = named(said);
      return identityOf({ principal, scope: principal, session, forwarded }, server);
    });
  };
}

/** Who makes a call that the host itself makes, for somebody or for itself. */
export function hostIdentity(
  { principal, headers = {}, session }: HostCaller,
  server: IdentifiedBy,
  isOwnKey: (value: string) => boolean,
): Identity {
  const lowerCase = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const forwarded = forwardHeaders(server.forward, lowerCase, isOwnKey);
  return identityOf({ principal, scope: principal ?? scopeOf(undefined, forwarded), session, forwarded }, server);
}

/** For whom the host calls. */
export interface HostCaller {
  readonly principal?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly session?: string | undefined;
}

interface Known {
  readonly principal: string | undefined;
  readonly scope: string | undefined;
  readonly session: unknown;
  readonly forwarded: ForwardedHeaders | undefined;
}

function identityOf({ principal, scope, session, forwarded }: Known, { stateful }: IdentifiedBy): Identity {
  if (!stateful) return { principal, scope, caller: forwarded };
  const caller = sessionOf(session, scope, forwarded);
  // What one session is answered says nothing of another's state.
  return { principal, scope: caller.id, caller };
}

/**
 * Who calls, as text. What is no name would make one caller of all who have none, and give each the results and sessions of
 * the others: nobody is let in by it. The value itself may be a secret.
 *
 * @throws TypeError
 */
function named(principal: unknown): string | undefined {
  if (principal === undefined || principal === null) return undefined;
  if (typeof principal === 'string' && principal !== '') return principal;
  if (typeof principal === 'bigint' || (typeof principal === 'number' && Number.isFinite(principal))) {
    return String(principal);
  }
  const type = principal === '' ? 'an empty string' : `a value of the type ${typeof principal}`;
  const wanted = 'a string that is not empty, a finite number, a bigint or undefined';
  throw new TypeError(`the option principal must give ${wanted}; it gave ${type}`);
}

/** Two callers are the same to us when key and forwarded headers are. */
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
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}
