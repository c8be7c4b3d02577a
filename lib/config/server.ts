import { type ForwardRule, forwardRules } from '../auth/forward-headers';
import { ConfigError } from '../errors';
import { glob } from '../util/glob';
import type { LimiterOptions } from '../limit/options';
import type { TransportSpec } from '../mcp/transport-spec';
import type { ArgumentReading } from '../mcp/schema/lenient';
import type { ServerPoolOptions } from '../pool/server-pools';
import { type CacheConfig, type ServerCacheConfig, serverCache } from './cache';
import type { JsonObject } from '../util/json-object';
import { checkBoolean, checkInteger, checkOptions, checkStrings, join } from '../util/checks';
import { LIMIT_OPTIONS, limitOptions } from './concurrency';
import { originOf } from './origin';
import { poolOptions } from './pool';
import { type RetryConfig, retryConfig } from './retry';
import { serverKind } from './transport';

/** The options of one server, validated and with their defaults. */
export interface ServerConfig {
  readonly name: string;
  readonly transport: TransportSpec;
  readonly isServed: (tool: string) => boolean;
  readonly timeoutMs: number;
  readonly maxTotalTimeoutMs: number;
  readonly stateful: boolean;
  readonly pool: ServerPoolOptions;
  /** Distinguishes servers of equal name in different instances: see `originOf()`. */
  readonly origin: string | undefined;
  readonly forward: readonly ForwardRule[];
  readonly trustAnnotations: boolean;
  readonly arguments: ArgumentReading;
  readonly cache: ServerCacheConfig;
  /** `undefined`: none of its own. */
  readonly concurrency: LimiterOptions | undefined;
  /** Whether its writes run one at a time. */
  readonly writesInTurn: boolean;
  readonly retry: RetryConfig;
}

/** The defaults of all servers. */
export interface ServerDefaults extends Pick<ServerConfig, 'pool' | 'retry' | 'arguments'> {
  readonly cache: CacheConfig;
}

/** Validates the options of one server. */
export function serverConfig(name: string, value: unknown, defaults: ServerDefaults): ServerConfig {
  const path = join('servers', name);
  if (name === '' || name === '.' || name === '..' || name.includes('/') || !name.isWellFormed()) {
    throw new ConfigError(path, 'must have a name that can be one path segment');
  }
  const { fields, transport } = serverKind(path, value);
  const timeoutMs = checkInteger(`${path}.timeoutMs`, fields.timeoutMs, 1, 60_000);
  const longest = Math.max(600_000, timeoutMs);
  const { writes, ...limit } = checkOptions(`${path}.concurrency`, fields.concurrency, [...LIMIT_OPTIONS, 'writes']);
  checkInteger(`${path}.concurrency.writes`, writes, 1, 1, 1);
  return {
    name,
    transport,
    origin: originOf(transport),
    isServed: toolFilter(path, fields),
    timeoutMs,
    maxTotalTimeoutMs: checkInteger(`${path}.maxTotalTimeoutMs`, fields.maxTotalTimeoutMs, timeoutMs, longest),
    stateful: checkBoolean(`${path}.stateful`, fields.stateful, false),
    pool: poolOptions(`${path}.pool`, fields.pool, defaults.pool),
    forward: forwardRules(`${path}.forwardHeaders`, fields.forwardHeaders),
    trustAnnotations: checkBoolean(`${path}.trustAnnotations`, fields.trustAnnotations, true),
    arguments: argumentReading(`${path}.arguments`, fields.arguments, defaults.arguments),
    cache: serverCache(name, `${path}.cache`, fields.cache, defaults.cache),
    concurrency: Object.keys(limit).length === 0 ? undefined : limitOptions(`${path}.concurrency`, limit),
    writesInTurn: writes !== undefined,
    retry: retryConfig(`${path}.retry`, fields.retry, defaults.retry),
  };
}

/** How arguments are read. */
export function argumentReading(path: string, value: unknown, fallback: ArgumentReading): ArgumentReading {
  if (value === undefined) return fallback;
  if (value !== 'strict' && value !== 'lenient')
    throw new ConfigError(path, "must be 'strict' or 'lenient'", { value });
  return value;
}

function toolFilter(path: string, fields: JsonObject): (name: string) => boolean {
  const tools = checkOptions(`${path}.tools`, fields.tools, ['include', 'exclude']);
  const include = tools.include === undefined ? ['*'] : checkStrings(`${path}.tools.include`, tools.include);
  const exclude = checkStrings(`${path}.tools.exclude`, tools.exclude);
  const disabled = checkStrings(`${path}.disabledTools`, fields.disabledTools);
  const isIncluded = glob(include);
  const isExcluded = glob([...exclude, ...disabled]);
  return (name) => isIncluded(name) && !isExcluded(name);
}
