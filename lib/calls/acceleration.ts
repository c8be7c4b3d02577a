import { CacheManager } from '../cache/cache-manager';
import type { Config } from '../config/config';
import type { LimiterOptions } from '../limit/options';
import { RequestDeduplicator } from '../share/deduplicator';
import type { FleetFlights } from '../share/fleet';
import { type Cancellation, Canceller } from '../util/cancellation';
import type { Answer } from './call';
import { Freshness } from './freshness';
import { CallLimits } from './limits';
import { addressOf } from './relatives';

/** Cache, shared calls and limits of a router. */
export interface Acceleration {
  readonly cache: CacheManager;
  readonly freshness: Freshness;
  readonly flights: RequestDeduplicator<Answer, Cancellation>;
  /** `undefined`: calls are shared within this process only. */
  readonly fleet: FleetFlights | undefined;
  readonly limits: CallLimits;
}

/** Creates them from the options. @throws ConfigError for an invalid cache size */
export function accelerate(config: Config): Acceleration {
  const cache = new CacheManager(config.cache.options);
  for (const [name, options] of config.cache.caches) cache.createCache(name, options);
  const writesInTurn = (server: string): void => {
    if (!config.share?.fleet) return;
    config.logger.warn(
      `mcpo: writes of server ${server} run one at a time in this instance, but beside those of others`,
    );
  };
  return {
    cache,
    freshness: new Freshness(cache, config.logger, config.share?.fleet, addresses(config)),
    flights: new RequestDeduplicator({ windowMs: config.share?.windowMs }, () => new Canceller()),
    fleet: config.share?.fleet,
    limits: new CallLimits(config.concurrency, limitsOfServers(config), writesInTurn),
  };
}

function limitsOfServers(config: Config): ReadonlyMap<string, LimiterOptions | undefined> {
  return new Map(config.servers.map(({ name, concurrency }) => [name, concurrency]));
}

/** The addresses of each group that has servers over HTTP. */
function addresses({ servers }: Config): ReadonlyMap<string, ReadonlySet<string>> {
  const groups = new Map<string, Set<string>>();
  for (const { transport, cache } of servers) {
    if (transport.kind !== 'http') continue;
    groups.set(cache.group, (groups.get(cache.group) ?? new Set()).add(addressOf(transport.url)));
  }
  return groups;
}
