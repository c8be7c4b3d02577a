import type { SmartCacheOptions } from '../cache/options';
import { ConfigError } from '../errors';
import type { CachePolicyConfig, CacheRule, KindRule } from '../calls/policy';
import { checkInteger, checkObject, checkOptions, checkStrings, join } from '../util/checks';
import { environmentInteger, environmentSeconds } from './environment';
import { patternRules } from './tool-rules';
import type { JsonObject } from '../util/json-object';

/** The caches of a router and what they keep. */
export interface CacheConfig {
  readonly options: SmartCacheOptions;
  readonly caches: readonly (readonly [name: string, options: SmartCacheOptions])[];
  /** `undefined`: no caching. */
  readonly policy: CachePolicyConfig | undefined;
  readonly defaultTtlMs: number;
}

const STORE_OPTIONS = ['strategy', 'maxSize', 'maxBytes', 'maxEntryBytes', 'defaultTtlMs', 'store'];
const STRATEGIES = ['lru', 'ttl', 'lru_ttl'];
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

const KINDS = {
  static: { words: ['schema', 'help', 'describe', 'list'], ttlMs: HOUR_MS },
  dynamic: { words: ['search', 'query'], ttlMs: MINUTE_MS },
  realtime: { words: ['time', 'now', 'random', 'uuid', 'status'], ttlMs: 0 },
};

/** Validates the `cache` option and adds the environment's settings. The caches validate their own sizes. */
export function cacheConfig(value: unknown, env: NodeJS.ProcessEnv): CacheConfig {
  const known = [...STORE_OPTIONS, 'tools', 'kinds', 'caches'];
  const fields = checkOptions('cache', value === false ? undefined : value, known);
  const options = { ...fromEnvironment(env), ...storeOptions(fields) };
  const caches = Object.entries(checkOptions('cache.caches', fields.caches, Object.keys(fields.caches ?? {})));
  const named = caches.map(([name, item]) => {
    return [name, storeOptions(checkObject(join('cache.caches', name), item, STORE_OPTIONS))] as const;
  });
  const names = ['default', ...named.map(([name]) => name)];
  const tools = patternRules('cache.tools', fields.tools, (path, item) => {
    const rule = cacheRule(path, item, names);
    return { ...rule, cacheTtlMs: named.find(([name]) => name === rule.cache)?.[1].defaultTtlMs };
  });
  return {
    options,
    caches: named,
    policy: value === false ? undefined : { tools, kinds: kinds(fields.kinds) },
    defaultTtlMs: options.defaultTtlMs ?? 300_000,
  };
}

/** The default lifetime of a server's results, by its own `cache` option. */
export function serverTtl(path: string, value: unknown, fallback: number): number {
  if (value === false) return 0;
  const fields = checkOptions(path, value, ['defaultTtlMs']);
  return checkInteger(`${path}.defaultTtlMs`, fields.defaultTtlMs, 1, fallback);
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

function kinds(value: unknown): CachePolicyConfig['kinds'] {
  const given = checkOptions('cache.kinds', value, Object.keys(KINDS));
  const kind = (name: keyof typeof KINDS): KindRule => {
    const path = `cache.kinds.${name}`;
    const known = name === 'realtime' ? ['patterns'] : ['patterns', 'ttlMs'];
    const { patterns, ttlMs } = checkOptions(path, given[name], known);
    return {
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
