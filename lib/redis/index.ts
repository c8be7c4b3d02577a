import type { StoreFactory } from '../cache/store';
import type { FleetFlights } from '../share/fleet';
import { RedisFlights } from './flights';
import { Generations } from './generations';
import { PubSub } from './pub-sub';
import { RedisClient } from './client';
import { LocalTier } from './local-tier';
import { fleetConfig, type RedisFleetOptions } from './options';
import { MaxStale } from './max-stale';
import { RedisStore } from './store';
import { waitUntil } from './timeout';

export type { FleetLogger, LocalOptions, RedisArgument, RedisFleetOptions } from './options';

/** How long closing waits for what others must hear of. */
const CLOSE_MS = 500;

/** What several instances of an app share through Redis or Valkey. */
export interface RedisFleet {
  /** For the option `cache.store`. */
  readonly store: StoreFactory;
  /** For the option `share.fleet`. */
  readonly flights: FleetFlights;
  /** Whether Redis is used now. */
  readonly isUp: boolean;
  /**
   * Stops using Redis, when it has been told what it must know, or after half a second; to be called when the routers are
   * closed, before the host closes its connections.
   */
  close(): Promise<void>;
}

/**
 * A cache and calls in flight that several instances share through Redis or Valkey, with the host's own client.
 *
 * @example With node-redis
 * ```ts
 * const fleet = redisFleet({
 *   sendCommand: (args) => client.sendCommand(args, { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } }),
 * });
 * const mcpo = mcpoRouter({ servers, cache: { store: fleet.store }, share: { fleet: fleet.flights } });
 * ```
 *
 * @throws ConfigError for an option that cannot work
 */
export function redisFleet(options: RedisFleetOptions): RedisFleet {
  const config = fleetConfig(options);
  const link = new RedisClient(config);
  const hub = new PubSub(link, config);
  const generations = new Generations(link, config.prefix);
  const flights = new RedisFlights(link, hub, config, generations);
  const { local } = config;
  const staleness = local && local.maxStaleMs > 0 ? new MaxStale(local.maxStaleMs, hub) : undefined;
  return {
    store: (init) =>
      new RedisStore(init, { link, config, generations, staleness, local: local && new LocalTier(local) }),
    flights,
    get isUp() {
      return link.isUp;
    },
    async close() {
      // What an instance has not told when it goes, nobody tells.
      await waitUntil(CLOSE_MS, () => !flights.isTelling);
      flights.close();
      link.close();
      await hub.close();
    },
  };
}
