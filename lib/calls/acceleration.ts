import { CacheManager } from '../cache/cache-manager';
import type { Outcome } from './call';
import { type Cancellation, Canceller } from '../util/cancellation';
import type { Config } from '../config/config';
import type { ServerConfig } from '../config/server';
import { Freshness } from './freshness';
import { CallLimits } from './limits';
import type { LimiterOptions } from '../limit/options';
import { Policies } from './policy';
import { RequestDeduplicator } from '../share/deduplicator';
import type { FleetFlights } from '../share/fleet';

/** What makes calls fast, and what keeps that from making them wrong. */
export interface Acceleration {
  readonly policies: Policies;
  readonly cache: CacheManager;
  readonly freshness: Freshness;
  readonly flights: RequestDeduplicator<Outcome, Cancellation>;
  /** `undefined`: calls are shared within this process alone. */
  readonly fleet: FleetFlights | undefined;
  readonly limits: CallLimits;
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
    freshness: new Freshness(cache, config.logger, config.share?.fleet),
    flights: new RequestDeduplicator({ windowMs: config.share?.windowMs }, () => new Canceller()),
    fleet: config.share?.fleet,
    limits: new CallLimits(config.concurrency, limitsOfServers(config)),
  };
}

function policies(config: Config): Policies {
  const servers = new Map(config.servers.map((server) => [server.name, server]));
  const stateless = (name: string): ServerConfig | undefined => {
    const server = servers.get(name);
    return server?.stateful ? undefined : server;
  };
  return new Policies({
    access: config.access,
    cache: config.cache.policy && {
      ...config.cache.policy,
      // A result tells of a session's state, which may be lost with its connection.
      defaultTtlMs: (name) => stateless(name)?.defaultTtlMs ?? 0,
    },
    share: config.share !== undefined,
    // What was to be done to a state that is lost must not be done to a new one.
    retries: (name) => (stateless(name)?.retry.maxAttempts ?? 1) > 1,
    trusts: (name) => servers.get(name)?.trustAnnotations ?? false,
  });
}

function limitsOfServers(config: Config): ReadonlyMap<string, LimiterOptions> {
  return new Map(config.servers.flatMap(({ name, concurrency }) => (concurrency ? [[name, concurrency]] : [])));
}
