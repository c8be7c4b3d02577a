import type { SmartCacheOptions } from '../cache/options';
import { ConfigError } from '../errors';
import type { CachePolicyConfig, CacheRule, KindRule } from '../calls/policy';
import { checkInteger, checkObject, checkOptions, checkString, checkStrings, join } from '../util/checks';
import { environmentInteger, environmentSeconds } from './environment';
import { patternRules } from './tool-rules';
import type { JsonObject } from '../util/json-object';

/** The caches of a router and what they keep. */
export interface CacheConfig {
  readonly options: SmartCacheOptions;
  readonly caches: readonly (readonly [name: string, options: SmartCacheOptions])[];
  readonly policy: CachePolicyConfig;
  /** Lifetime of results where the cache is switched on and no other rule says anything, in milliseconds. */
  readonly defaultTtlMs: number;
  /** Whether it is switched on for all servers; `undefined` where nobody has said so, nor the contrary. */
  readonly isOn: boolean | undefined;
}

const STORE_OPTIONS = ['strategy', 'maxSize', 'maxBytes', 'maxEntryBytes', 'defaultTtlMs', 'store'];
const STRATEGIES = ['lru', 'ttl', 'lru_ttl'];
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

const KINDS = {
  static: { words: ['schema', 'help'], ttlMs: HOUR_MS },
  dynamic: { words: ['search', 'query'], ttlMs: MINUTE_MS },
  realtime: { words: ['time', 'now', 'random', 'uuid', 'status', 'current', 'utc', 'clock', 'wait'], ttlMs: 0 },
};

/** Validates the `cache` option and adds the environment's settings. The caches validate their own sizes. */
export function cacheConfig(value: unknown, env: NodeJS.ProcessEnv): CacheConfig {
  const known = [...STORE_OPTIONS, 'tools', 'kinds', 'caches'];
  const fields = checkOptions('cache', typeof value === 'boolean' ? undefined : value, known);
  const environment = fromEnvironment(env);
  const options = { ...environment, ...storeOptions(fields) };
  const caches = Object.entries(checkOptions('cache.caches', fields.caches, Object.keys(fields.caches ?? {})));
  const named = caches.map(([name, item]) => {
    return [name, storeOptions(checkObject(join('cache.caches', name), item, STORE_OPTIONS))] as const;
  });
  const names = ['default', ...named.map(([name]) => name)];
  const tools = patternRules('cache.tools', fields.tools, (path, item) => {
    const rule = cacheRule(path, item, names);
    const cache = named.find(([name]) => name === rule.cache)?.[1] ?? options;
    if (rule.ttlMs && cache.strategy === 'lru') throw noLifetimes(`${path}.ttlMs`);
    return { ...rule, cacheTtlMs: cache === options ? undefined : cache.defaultTtlMs };
  });
  if (options.strategy === 'lru' && options.defaultTtlMs !== undefined) {
    throw noLifetimes(fields.defaultTtlMs === undefined ? 'MCPO_CACHE_DEFAULT_TTL' : 'cache.defaultTtlMs');
  }
  return {
    options,
    caches: named,
    policy: { tools, kinds: kinds(fields.kinds, options.strategy) },
    defaultTtlMs: options.defaultTtlMs ?? 300_000,
    isOn: isOn(value, fields) ?? (environment.defaultTtlMs === undefined ? undefined : true),
  };
}

/** The variables that are set but have no effect, as nothing is cached and nobody has said that nothing shall be. */
export function idleVariables({ isOn: isCached, policy }: CacheConfig, env: NodeJS.ProcessEnv): readonly string[] {
  if (isCached !== undefined || policy.tools.some(({ ttlMs }) => ttlMs)) return [];
  return ['MCPO_CACHE_STRATEGY', 'MCPO_CACHE_MAX_SIZE'].filter((name) => env[name]?.trim());
}

/** How the results of a server are cached. */
export interface ServerCacheConfig {
  /** Default lifetime of results, in milliseconds; 0: only tools with a lifetime of their own are cached. */
  readonly ttlMs: number;
  /** Whether nobody has said if they shall be cached. */
  readonly isUndecided: boolean;
  /** A write drops what is kept of all servers of its group. */
  readonly group: string;
}

/** The `cache` option of a server, over the router's. */
export function serverCache(name: string, path: string, value: unknown, router: CacheConfig): ServerCacheConfig {
  const fields = checkOptions(path, typeof value === 'boolean' ? undefined : value, ['defaultTtlMs', 'group']);
  const group = fields.group === undefined ? name : checkString(`${path}.group`, fields.group);
  if (value === false) return { ttlMs: 0, isUndecided: false, group };
  if (value === undefined) {
    return { ttlMs: router.isOn ? router.defaultTtlMs : 0, isUndecided: router.isOn === undefined, group };
  }
  const { defaultTtlMs } = fields;
  if (defaultTtlMs !== undefined && router.options.strategy === 'lru') throw noLifetimes(`${path}.defaultTtlMs`);
  const ttlMs = checkInteger(`${path}.defaultTtlMs`, defaultTtlMs, 1, router.defaultTtlMs);
  return { ttlMs, isUndecided: false, group };
}

/** `true` and an object switch it on, but one with `tools` alone switches on those tools alone. */
function isOn(value: unknown, fields: JsonObject): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value;
  const given = Object.keys(fields).filter((key) => fields[key] !== undefined);
  return given.length === 1 && given[0] === 'tools' ? undefined : true;
}

function noLifetimes(path: string): ConfigError {
  return new ConfigError(
    path,
    "must not be given with the strategy 'lru', whose results do not expire; 'lru_ttl' heeds it",
  );
}

/** Without `undefined`, which would hide a setting of the environment. */
function storeOptions(fields: JsonObject): SmartCacheOptions {
  return Object.fromEntries(
    Object.entries(fields).filter(([key, item]) => STORE_OPTIONS.includes(key) && item !== undefined),
  );
}

function fromEnvironment(env: NodeJS.ProcessEnv): SmartCacheOptions {
  const strategy = env.MCPO_CACHE_STRATEGY?.trim() || undefined;
  if (strategy !== undefined && !STRATEGIES.includes(strategy)) {
    throw new ConfigError('MCPO_CACHE_STRATEGY', `must be ${STRATEGIES.join(', ')}`, { value: strategy });
  }
  const maxSize = environmentInteger(env, 'MCPO_CACHE_MAX_SIZE', 1);
  const defaultTtlMs = environmentSeconds(env, 'MCPO_CACHE_DEFAULT_TTL');
  return storeOptions({ strategy, maxSize, defaultTtlMs });
}

function cacheRule(path: string, value: unknown, names: readonly unknown[]): Omit<CacheRule, 'fits'> {
  const { ttlMs, cache } = checkObject(path, value, ['ttlMs', 'cache']);
  if (cache !== undefined && !names.includes(cache)) {
    throw new ConfigError(`${path}.cache`, `must be one of ${names.join(', ')}`, { value: cache });
  }
  return {
    ttlMs: ttlMs === undefined ? undefined : checkInteger(`${path}.ttlMs`, ttlMs, 0, 0),
    cache: cache as string | undefined,
  };
}

function kinds(value: unknown, strategy: unknown): CachePolicyConfig['kinds'] {
  const given = checkOptions('cache.kinds', value, Object.keys(KINDS));
  const kind = (name: keyof typeof KINDS): KindRule => {
    const path = `cache.kinds.${name}`;
    const known = name === 'realtime' ? ['patterns'] : ['patterns', 'ttlMs'];
    const { patterns, ttlMs } = checkOptions(path, given[name], known);
    if (ttlMs !== undefined && strategy === 'lru') throw noLifetimes(`${path}.ttlMs`);
    return {
      mayLengthen: name === 'static' || patterns !== undefined,
      patterns:
        patterns === undefined ? KINDS[name].words.flatMap(wordPatterns) : checkStrings(`${path}.patterns`, patterns),
      ttlMs: checkInteger(`${path}.ttlMs`, ttlMs, 1, KINDS[name].ttlMs),
    };
  };
  return { static: kind('static'), dynamic: kind('dynamic'), realtime: kind('realtime') };
}

/** Patterns for a whole word anywhere in a `snake_case` name. */
function wordPatterns(word: string): readonly string[] {
  return [word, `${word}_*`, `*_${word}`, `*_${word}_*`];
}
