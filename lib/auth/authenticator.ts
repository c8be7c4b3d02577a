import type { IncomingMessage } from 'node:http';
import { McpoError, isMcpoError } from '../errors';
import type { Logger } from '../util/logger';
import { type MaybePromise, isPromise } from '../util/maybe-promise';
import { ApiKeys } from './api-keys';
import { authorityOf, foreignHosts, hostnameOf, isCrossSite, isLoopbackAddress } from './browser';

/** Validated options on who may use the router. */
export interface AuthConfig {
  readonly apiKeys: readonly string[];
  /** `true` lets in; see `authorize` in the options. */
  readonly authorize: ((req: IncomingMessage) => unknown) | undefined;
  /** Whether the operator has said that everybody may call. */
  readonly isOpenOnPurpose: boolean;
  readonly allowedOrigins: ReadonlySet<string>;
  readonly allowedHosts: ReadonlySet<string>;
}

/** Decides who may use the router. */
export class Authenticator {
  readonly #config: AuthConfig;
  readonly #keys: ApiKeys | undefined;
  readonly #isForeignHost: ReturnType<typeof foreignHosts>;

  /** When an error of `authorize` was last logged, by its name, on the clock of `performance.now()`. */
  readonly #logged = new Map<string, number>();
  /** What has been logged of hosts and origins that are not allowed. */
  readonly #foreign = new Set<string>();
  readonly #logger: Pick<Logger, 'warn'>;
  #isWarned = false;

  constructor(config: AuthConfig, logger: Pick<Logger, 'warn'>) {
    this.#config = config;
    this.#logger = logger;
    this.#isForeignHost = foreignHosts(config.allowedHosts);
    this.#keys = config.apiKeys.length > 0 ? new ApiKeys(config.apiKeys) : undefined;
  }

  /** Whether credentials are required. */
  get secured(): boolean {
    return this.#keys !== undefined || this.#config.authorize !== undefined;
  }

  /** Detects cross-site requests and DNS rebinding, before any credentials are checked. */
  refuseBrowser(req: IncomingMessage): McpoError | undefined {
    const { headers } = req;
    if (isCrossSite(headers, req.method, this.#config.allowedOrigins)) {
      this.#warnOfOrigin(headers.origin);
      return new McpoError('MCPO_FORBIDDEN_ORIGIN', 'the origin of this request is not allowed');
    }
    if (!this.secured && this.#isForeignHost(headers, req.socket)) {
      const host = authorityOf(headers) ?? '';
      this.#warnOfHost(hostnameOf(host) ?? host);
      return new McpoError('MCPO_FORBIDDEN_HOST', 'the Host header does not name this server');
    }
    return undefined;
  }

  #warnOfOrigin(origin: string | undefined): void {
    const site = origin === undefined ? 'another site, without an Origin header,' : quoted(origin);
    this.#warnOnce(`mcpo: pages of ${site} are refused with 403; if they may call, add their origin to allowedOrigins`);
  }

  #warnOfHost(name: string): void {
    const remedy = 'if it is a name of this app, add it to allowedHosts, or set apiKey or authorize';
    this.#warnOnce(`mcpo: requests to the host ${quoted(name)} are refused with 403; ${remedy}`);
  }

  /** Strangers choose the values: each is told once, and no more than the first. */
  #warnOnce(line: string): void {
    if (this.#foreign.has(line) || this.#foreign.size >= MAX_NAMES) return;
    this.#foreign.add(line);
    this.#logger.warn(line);
  }

  /** Why a request may not use the router, by its credentials; `undefined`: it may. Never rejects. */
  refusal(req: IncomingMessage): MaybePromise<McpoError | undefined> {
    if (this.#keys) return this.principal(req) === undefined ? unauthorized(req) : undefined;
    const { authorize } = this.#config;
    if (!authorize) {
      this.#warnIfExposed(req);
      return undefined;
    }
    try {
      const decision = authorize(req);
      if (!isPromise(decision)) return refusalOf(req, decision);
      return decision.then(
        (decided) => refusalOf(req, decided),
        (error: unknown) => this.#failed(req, error),
      );
    } catch (error) {
      return this.#failed(req, error);
    }
  }

  /** Libraries that check tokens throw, so an error is a refusal. That of an outage must be seen. */
  #failed(req: IncomingMessage, error: unknown): McpoError {
    if (statusOf(error) !== undefined) return refusalOf(req, error) ?? unauthorized(req);
    const name = error instanceof Error ? error.name : typeof error;
    const now = performance.now();
    if (
      now - (this.#logged.get(name) ?? -Infinity) >= LOG_AGAIN_MS &&
      (this.#logged.has(name) || this.#logged.size < MAX_NAMES)
    ) {
      this.#logged.set(name, now);
      this.#logger.warn({ err: error }, 'mcpo: authorize failed, and the request was refused');
    }
    return unauthorized(req);
  }

  #warnIfExposed(req: IncomingMessage): void {
    if (this.#isWarned || this.#config.isOpenOnPurpose) return;
    const { localAddress } = req.socket;
    if (localAddress === undefined || isLoopbackAddress(localAddress)) return;
    this.#isWarned = true;
    this.#logger.warn(
      'mcpo: everybody who reaches this port may call every tool; set apiKey or authorize, or apiKey: false',
    );
  }

  /** The hash of the API key of a request. */
  principal(req: IncomingMessage): string | undefined {
    const keys = this.#keys;
    if (!keys) return undefined;
    for (const candidate of ApiKeys.presented(req.headers)) {
      const principal = keys.match(candidate);
      if (principal !== undefined) return principal;
    }
    return undefined;
  }

  /** Whether a header value is one of the router's own API keys. */
  isOwnKey(value: string): boolean {
    return this.#keys?.isIn(value) ?? false;
  }
}

const LOG_AGAIN_MS = 60_000;
const MAX_NAMES = 100;
const MAX_VALUE = 200;

/** A header as a log line may hold it. */
function quoted(value: string): string {
  return JSON.stringify(value.length > MAX_VALUE ? `${value.slice(0, MAX_VALUE)}…` : value);
}

/** The status of what `authorize` has returned or thrown, where it is one that it may choose. */
function statusOf(decision: unknown): 401 | 403 | 429 | 503 | undefined {
  const status =
    typeof decision === 'object' && decision !== null ? (decision as { status?: unknown }).status : undefined;
  return status === 401 || status === 403 || status === 429 || status === 503 ? status : undefined;
}

function refusalOf(req: IncomingMessage, decision: unknown): McpoError | undefined {
  if (decision === true) return undefined;
  if (isMcpoError(decision) && statusOf(decision) !== undefined) return decision;
  switch (statusOf(decision)) {
    case 403:
      return new McpoError('MCPO_FORBIDDEN', 'this is not allowed');
    case 429:
      return new McpoError('MCPO_RATE_LIMITED', 'there are too many requests', { retryAfterMs: 1_000 });
    case 503:
      return new McpoError('MCPO_AUTH_UNAVAILABLE', 'the credentials cannot be checked now', { retryAfterMs: 1_000 });
    default:
      return unauthorized(req);
  }
}

/** The 401 of a request without valid credentials. RFC 6750 section 3: with a reason only if some were sent. */
function unauthorized(req: IncomingMessage): McpoError {
  const sent = req.headers.authorization !== undefined || req.headers['x-api-key'] !== undefined;
  return new McpoError('MCPO_UNAUTHORIZED', sent ? 'the credentials are not valid' : 'credentials are required', {
    headers: { 'WWW-Authenticate': `Bearer realm="express-mcpo"${sent ? ', error="invalid_token"' : ''}` },
  });
}
