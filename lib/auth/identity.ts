import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Authenticator } from './authenticator';
import { type ForwardRule, type ForwardedHeaders, forwardHeaders } from './forward-headers';
import { type MaybePromise, mapMaybe } from '../util/maybe-promise';
import { McpoError } from '../errors';
import type { Principal } from '../options';
import { stateOf } from '../http/request-state';

/** Whose connections a call goes over, where they may not be anybody else's. */
export interface Caller {
  /** Equal exactly when the forwarded headers are and, with a server that keeps state, principal and session too. */
  readonly id: string;
  /** Who may have only so many sessions; `undefined` without sessions. */
  readonly owner?: string | undefined;
  /** The caller's headers that go on, by their lower-case upstream name. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What is known of who makes a request to a server. */
export interface Identity {
  /** Equal for requests that may be given each other's results; `undefined` for nobody in particular. */
  readonly principal: string | undefined;
  /** `undefined`: over the server's own connections. */
  readonly caller: Caller | undefined;
}

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
  return (req, { forward, stateful }) => {
    const forwarded = forwardHeaders(forward, stateOf(req).headers, isOwnKey);
    const identity = (principal: string | undefined): Identity => {
      if (!stateful) return { principal, caller: forwarded };
      const caller = sessionOf(req, principal, forwarded);
      // What one session is answered says nothing of another's state.
      return { principal: caller.id, caller };
    };
    if (!principalOf) return identity(ownPrincipal(authenticator, req, forwarded));
    const principal = principalOf(req);
    return mapMaybe(principal, (said) => identity(named(said)));
  };
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
function ownPrincipal(
  authenticator: Authenticator,
  req: IncomingMessage,
  forwarded: ForwardedHeaders | undefined,
): string | undefined {
  const key = authenticator.principal(req);
  return forwarded ? digest([key ?? null, forwarded.id]) : key;
}

function sessionOf(
  req: IncomingMessage,
  principal: string | undefined,
  forwarded: ForwardedHeaders | undefined,
): Caller {
  const name = req.headers['x-mcpo-session'] ?? '';
  if (typeof name !== 'string' || (name !== '' && !SESSION.test(name))) {
    throw new McpoError('MCPO_INVALID_HEADER', 'X-MCPO-Session must be 1 to 128 visible ASCII characters');
  }
  const owner = digest([principal ?? null]);
  return { id: digest([owner, name, forwarded?.id ?? null]), owner, headers: forwarded?.headers ?? {} };
}

function digest(parts: readonly (string | null)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}
