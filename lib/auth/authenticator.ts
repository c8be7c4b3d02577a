import type { IncomingMessage } from 'node:http';
import { McpoError } from '../errors';
import { ApiKeys } from './api-keys';
import { foreignHosts, isCrossSite } from './browser';

/** Validated options on who may use the router. */
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

  /** Whether credentials are required. */
  get secured(): boolean {
    return this.#keys !== undefined || this.#config.authorize !== undefined;
  }

  /** Detects cross-site requests and DNS rebinding, before any credentials are checked. */
  refuseBrowser(req: IncomingMessage): McpoError | undefined {
    const { headers } = req;
    if (isCrossSite(headers, req.method, this.#config.allowedOrigins)) {
      return new McpoError('MCPO_FORBIDDEN_ORIGIN', 'the origin of this request is not allowed');
    }
    if (!this.secured && this.#isForeignHost(headers, req.socket)) {
      return new McpoError('MCPO_FORBIDDEN_HOST', 'the Host header does not name this server');
    }
    return undefined;
  }

  /** Whether the credentials of a request are valid. Throws whatever `authorize` throws. */
  isAuthorized(req: IncomingMessage): boolean | Promise<boolean> {
    if (this.#keys) return this.principal(req) !== undefined;
    return this.#config.authorize ? this.#config.authorize(req) : true;
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

/** The 401 of a request without valid credentials. RFC 6750 section 3: with a reason only if some were sent. */
export function unauthorized(req: IncomingMessage): McpoError {
  const sent = req.headers.authorization !== undefined || req.headers['x-api-key'] !== undefined;
  return new McpoError('MCPO_UNAUTHORIZED', sent ? 'the credentials are not valid' : 'credentials are required', {
    headers: { 'WWW-Authenticate': `Bearer realm="express-mcpo"${sent ? ', error="invalid_token"' : ''}` },
  });
}
