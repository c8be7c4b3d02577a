import type { IncomingMessage } from 'node:http';
import type { AuthConfig } from '../auth/authenticator';
import type { MonitorOptions } from '../monitor/options';
import type { McpoOptions, Principal } from '../options';
import type { BreakerOptions } from '../pool/options';
import type { Logger } from '../util/logger';
import type { CallLayer } from '../calls/layer';
import type { AccessRule } from '../calls/policy';
import { ConfigError } from '../errors';
import { authConfig } from './auth';
import { type CacheConfig, cacheConfig, idleVariables } from './cache';
import {
  checkBoolean,
  checkFunction,
  checkInteger,
  checkObject,
  checkOptions,
  checkString,
  join,
} from '../util/checks';
import { type LimitConfig, concurrencyConfig } from './concurrency';
import { loggerOf } from './logger';
import { type MetricsConfig, metricsConfig } from './metrics';
import { monitorOptions } from './monitor';
import { breakerConfig, retryConfig } from './retry';
import { environmentPool, poolOptions } from './pool';
import { type ServerConfig, type ServerDefaults, argumentReading, serverConfig } from './server';
import { type ShareConfig, shareConfig } from './share';
import { accessRules } from './tool-rules';

/** All options, validated and with their defaults. */
export interface Config {
  readonly servers: readonly ServerConfig[];
  readonly auth: AuthConfig;
  readonly principal: ((req: IncomingMessage) => Principal | Promise<Principal>) | undefined;
  readonly bodyLimit: number;
  readonly maxBufferedBytes: number;
  /** Whether what is known of servers that contradict their annotations is heeded. */
  readonly corrections: boolean;
  /** The first match wins. */
  readonly access: readonly AccessRule[];
  readonly cache: CacheConfig;
  /** `undefined`: no calls are shared. */
  readonly share: ShareConfig | undefined;
  readonly concurrency: LimitConfig;
  readonly breaker: BreakerOptions;
  readonly metrics: MetricsConfig;
  readonly monitor: MonitorOptions;
  readonly drainTimeoutMs: number;
  readonly info: { readonly title: string; readonly version: string; readonly description: string | undefined };
  readonly logger: Logger;
  /** The call layers of the host, outermost first. */
  readonly use: readonly CallLayer[];
}

const OPTIONS = [
  ...'servers apiKey authorize principal allowedOrigins allowedHosts bodyLimit access arguments cache share'.split(' '),
  ...'corrections maxBufferedBytes concurrency retry breaker metrics monitor pool drainTimeoutMs info logger use'.split(
    ' ',
  ),
];

/** Validates the options of `mcpoRouter()` and adds the environment's settings and the defaults. */
export function resolveConfig(options: McpoOptions, env: NodeJS.ProcessEnv): Config {
  const fields = checkObject('', options, OPTIONS);
  const cache = cacheConfig(fields.cache, env);
  const defaults: ServerDefaults = {
    pool: poolOptions('pool', fields.pool, environmentPool(env)),
    cache,
    retry: retryConfig('retry', fields.retry),
    arguments: argumentReading('arguments', fields.arguments, 'strict'),
  };
  const logger = loggerOf(options.logger);
  for (const name of idleVariables(cache, env)) {
    logger.warn(
      `mcpo: ${name} has no effect, as nothing is cached; cache: true or MCPO_CACHE_DEFAULT_TTL switches it on`,
    );
  }
  const servers = checkObject('servers', fields.servers, Object.keys(fields.servers ?? {}));
  const info = checkOptions('info', fields.info, ['title', 'version', 'description']);
  const principal = checkFunction('principal', fields.principal as Config['principal']);
  const auth = authConfig(fields, env);
  const configs = Object.entries(servers).map(([name, value]) => serverConfig(name, value, defaults));
  const stateful = configs.find((server) => server.stateful);
  if (stateful && auth.authorize && !principal) {
    const remedy = `must tell the callers of ${join('servers', stateful.name)} apart: with authorize alone they would share its sessions`;
    throw new ConfigError('principal', remedy);
  }
  return {
    servers: configs,
    auth,
    principal,
    bodyLimit: checkInteger('bodyLimit', fields.bodyLimit, 1, 1_048_576),
    maxBufferedBytes: checkInteger('maxBufferedBytes', fields.maxBufferedBytes, 1, 256 * 1_048_576),
    corrections: checkBoolean('corrections', fields.corrections, true),
    access: accessRules(fields.access),
    cache,
    share: shareConfig(fields.share, env),
    concurrency: concurrencyConfig(fields.concurrency, env),
    breaker: breakerConfig(fields.breaker),
    metrics: metricsConfig(fields.metrics),
    monitor: monitorOptions(fields.monitor, env),
    drainTimeoutMs: checkInteger('drainTimeoutMs', fields.drainTimeoutMs, 0, 10_000),
    info: {
      title: info.title === undefined ? 'MCP tools' : checkString('info.title', info.title),
      version: info.version === undefined ? '1.0.0' : checkString('info.version', info.version),
      description: info.description === undefined ? undefined : checkString('info.description', info.description),
    },
    logger,
    use: layersOf(fields.use),
  };
}

function layersOf(value: unknown): readonly CallLayer[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new ConfigError('use', 'must be an array of call layers', { value });
  for (const [index, layer] of value.entries()) {
    if (typeof layer !== 'function') throw new ConfigError(`use[${index}]`, 'must be a function', { value: layer });
  }
  return value as readonly CallLayer[];
}
