import type { IncomingMessage } from 'node:http';
import { McpoError } from '../errors';
import { ApiKeys } from './api-keys';
import { foreignHosts, isCrossSite } from './browser';

/** How callers prove that they may use the router. */
export interface AuthConfig {
  readonly apiKeys: readonly string[];
  readonly authorize: ((req: IncomingMessage) => boolean | Promise<boolean>) | undefined;
  readonly allowedOrigins: ReadonlySet<string>;
  readonly allowedHosts: ReadonlySet<string>;
}

/** Decides who may use the router. */
export class Authenticator {
  readonly #config: AuthConfig;
  readonly #keys: ApiKeys | undefined;
  readonly #isForeignHost: ReturnType<typeof foreignHosts>;

  constructor(config: AuthConfig) {
    this.#config = config;
    this.#isForeignHost = foreignHosts(config.allowedHosts);
    this.#keys = config.apiKeys.length > 0 ? new ApiKeys(config.apiKeys) : undefined;
  }

  /** Whether callers must have credentials. */
  get secured(): boolean {
    return this.#keys !== undefined || this.#config.authorize !== undefined;
  }

  /** Why the request is refused before its credentials are looked at; `undefined` when a browser or DNS trick is not at work. */
  refuseBrowser(req: IncomingMessage): McpoError | undefined {
    const { headers } = req;
    if (isCrossSite(headers, req.method, this.#config.allowedOrigins)) {
      return new McpoError(
        'MCPO_FORBIDDEN_ORIGIN',
        'the page that makes this request is of an origin that is not allowed',
      );
    }
    if (!this.secured && this.#isForeignHost(headers, req.socket)) {
      return new McpoError('MCPO_FORBIDDEN_HOST', 'the Host header names no host of this server');
    }
    return undefined;
  }

  /** Whether the request carries what it needs. Throws whatever the host's own check throws. */
  isAuthorized(req: IncomingMessage): boolean | Promise<boolean> {
    if (this.#keys) return this.principal(req) !== undefined;
    return this.#config.authorize ? this.#config.authorize(req) : true;
  }

  /** A hash of the API key that the request carries. */
  principal(req: IncomingMessage): string | undefined {
    const keys = this.#keys;
    if (!keys) return undefined;
    for (const candidate of ApiKeys.presented(req.headers)) {
      const principal = keys.match(candidate);
      if (principal !== undefined) return principal;
    }
    return undefined;
  }

  /** Whether a header's value carries one of the router's own API keys. */
  isOwnKey(value: string): boolean {
    return this.#keys?.isIn(value) ?? false;
  }
}

/** The 401 for a request without the right credentials; RFC 6750 section 3 asks for the reason only when some were sent. */
export function unauthorized(req: IncomingMessage): McpoError {
  const sent = req.headers.authorization !== undefined || req.headers['x-api-key'] !== undefined;
  return new McpoError('MCPO_UNAUTHORIZED', sent ? 'the credentials are not valid' : 'credentials are required', {
    headers: { 'WWW-Authenticate': `Bearer realm="express-mcpo"${sent ? ', error="invalid_token"' : ''}` },
  });
}
