import { CacheManager } from './cache/cache-manager';
import type { Outcome } from './call';
import type { Config } from './config/config';
import { Freshness } from './freshness';
import { LimitTable } from './limit-table';
import type { LimiterOptions } from './limit/options';
import { Policies } from './policy';
import { RequestDeduplicator } from './share/deduplicator';

/** What makes calls fast, and what keeps that from making them wrong. */
export interface Acceleration {
  readonly policies: Policies;
  readonly cache: CacheManager;
  readonly freshness: Freshness;
  readonly flights: RequestDeduplicator<Outcome>;
  readonly limits: LimitTable;
}

/**
 * Builds it from the options.
 *
 * @throws ConfigError for the size of a cache that cannot work
 */
export function accelerate(config: Config): Acceleration {
  const cache = new CacheManager(config.cache.options);
  for (const [name, options] of config.cache.caches) cache.createCache(name, options);
  return {
    policies: policies(config),
    cache,
    freshness: new Freshness(cache, config.logger),
    flights: new RequestDeduplicator(config.share),
    limits: new LimitTable(config.concurrency, limitsOfServers(config)),
  };
}

function policies(config: Config): Policies {
  const servers = new Map(config.servers.map((server) => [server.name, server]));
  return new Policies({
    access: config.access,
    cache: config.cache.policy && {
      ...config.cache.policy,
      defaultTtlMs: (server) => servers.get(server)?.defaultTtlMs ?? 0,
    },
    share: config.share !== undefined,
    retries: (server) => (servers.get(server)?.retry.maxAttempts ?? 1) > 1,
    trusts: (server) => servers.get(server)?.trustAnnotations ?? false,
  });
}

function limitsOfServers(config: Config): ReadonlyMap<string, LimiterOptions> {
  return new Map(config.servers.flatMap(({ name, concurrency }) => (concurrency ? [[name, concurrency]] : [])));
}
