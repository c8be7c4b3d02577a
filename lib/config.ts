import type { IncomingMessage } from 'node:http';
import type { AuthConfig } from './auth/authenticator';
import { checkFunction, checkInteger, checkObject, checkString, checkStrings } from './checks';
import { ConfigError } from './errors';
import type { Logger, McpoOptions } from './options';
import { type ServerConfig, connectTimeout, serverConfig } from './server-config';

/** All options, checked and complete: what the rest of the package reads. */
export interface Config {
  readonly servers: readonly ServerConfig[];
  readonly auth: AuthConfig;
  readonly principal: ((req: IncomingMessage) => string | undefined | Promise<string | undefined>) | undefined;
  readonly bodyLimit: number;
  readonly drainTimeoutMs: number;
  readonly info: { readonly title: string; readonly version: string; readonly description: string | undefined };
  readonly logger: Logger;
}

type Fields = Readonly<Record<string, unknown>>;

const OPTIONS = [
  'servers',
  'apiKey',
  'authorize',
  'principal',
  'allowedOrigins',
  'allowedHosts',
  'bodyLimit',
  'pool',
  'drainTimeoutMs',
  'info',
  'logger',
];
const LOG_METHODS = ['debug', 'info', 'warn', 'error'] as const;

/**
 * Checks the options of `mcpoRouter()` and completes them from the environment and the defaults.
 *
 * @throws ConfigError for an unknown key, a wrong type or an impossible value
 */
export function resolveConfig(options: McpoOptions, env: NodeJS.ProcessEnv): Config {
  const fields = checkObject('', options, OPTIONS);
  const connectTimeoutMs = connectTimeout('pool', fields.pool, 30_000);
  const servers = checkObject('servers', fields.servers, Object.keys(fields.servers ?? {}));
  const info = checkObject('info', fields.info ?? {}, ['title', 'version', 'description']);
  return {
    servers: Object.entries(servers).map(([name, value]) => serverConfig(name, value, connectTimeoutMs)),
    auth: authConfig(fields, env),
    principal: checkFunction('principal', options.principal),
    bodyLimit: checkInteger('bodyLimit', fields.bodyLimit, 1, 1_048_576),
    drainTimeoutMs: checkInteger('drainTimeoutMs', fields.drainTimeoutMs, 0, 10_000),
    info: {
      title: info.title === undefined ? 'MCP tools' : checkString('info.title', info.title),
      version: info.version === undefined ? '1.0.0' : checkString('info.version', info.version),
      description: info.description === undefined ? undefined : checkString('info.description', info.description),
    },
    logger: loggerOf(options.logger),
  };
}

function authConfig(fields: Fields, env: NodeJS.ProcessEnv): AuthConfig {
  const authorize = checkFunction('authorize', fields.authorize as AuthConfig['authorize']);
  if (authorize && fields.apiKey !== undefined)
    throw new ConfigError('authorize', 'must not be given together with apiKey');
  return {
    apiKeys: authorize ? [] : apiKeys(fields.apiKey, env.MCPO_API_KEY),
    authorize,
    allowedOrigins: new Set(checkStrings('allowedOrigins', fields.allowedOrigins).map(originOf)),
    allowedHosts: new Set(checkStrings('allowedHosts', fields.allowedHosts).map((host) => host.toLowerCase())),
  };
}

/** An empty key, or an empty list, would leave a router open that was meant to be closed: it is an error. */
function apiKeys(option: unknown, variable: string | undefined): readonly string[] {
  if (option === undefined) return variable === undefined ? [] : [apiKey('MCPO_API_KEY', variable)];
  if (!Array.isArray(option)) return [apiKey('apiKey', option)];
  if (option.length === 0) throw new ConfigError('apiKey', 'must hold at least one key');
  return option.map((key, index) => apiKey(`apiKey[${String(index)}]`, key));
}

function apiKey(path: string, value: unknown): string {
  const key = checkString(path, value);
  // What RFC 9110 lets a header carry, without the spaces at which a header's value is trimmed or split.
  if (!/^[\x21-\x7e]+$/.test(key))
    throw new ConfigError(path, 'must consist of visible ASCII characters without spaces');
  return key;
}

function originOf(origin: string, index: number): string {
  if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
    throw new ConfigError(`allowedOrigins[${String(index)}]`, 'must be an origin such as https://app.example', {
      value: origin,
    });
  }
  return origin;
}

const quiet = (): void => undefined;
const CONSOLE: Logger = {
  debug: quiet,
  info: quiet,
  warn: (...data: unknown[]) => {
    console.warn(...data);
  },
  error: (...data: unknown[]) => {
    console.error(...data);
  },
};

function loggerOf(logger: Logger | undefined): Logger {
  if (logger === undefined) return CONSOLE;
  for (const method of LOG_METHODS) {
    if (typeof (logger as Partial<Logger> | null)?.[method] !== 'function') {
      throw new ConfigError('logger', `must have the methods ${LOG_METHODS.join(', ')}`);
    }
  }
  return logger;
}
