import type { StoreFactory } from '../cache/store';
import type { FleetFlights } from '../share/fleet';
import { RedisFlights } from './flights';
import { Generations } from './generations';
import { PubSub } from './pub-sub';
import { RedisClient } from './client';
import { LocalTier, MaxStale } from './local-tier';
import { fleetConfig, type RedisFleetOptions } from './options';
import { RedisStore } from './store';

export type { FleetLogger, LocalOptions, RedisArgument, RedisFleetOptions } from './options';

/** How long close() waits for updates that other instances need. */
const CLOSE_MS = 500;

/** The cache and the calls in flight of several instances of an app, shared through Redis or Valkey. */
export interface RedisFleet {
  /** For the option `cache.store`. */
  readonly store: StoreFactory;
  /** For the option `share.fleet`. */
  readonly flights: FleetFlights;
  readonly isUp: boolean;
  /**
   * Stops using Redis, after pending updates or half a second. To be called after the routers have been closed, and before
   * the host closes its Redis connections.
   */
  close(): Promise<void>;
}

/**
 * Shares a cache and calls in flight between instances through Redis or Valkey, with the host's own client.
 *
 * @example With node-redis
 * ```ts
 * const fleet = redisFleet({
 *   sendCommand: (args) => client.sendCommand(args, { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } }),
 * });
 * const mcpo = mcpoRouter({ servers, cache: { store: fleet.store }, share: { fleet: fleet.flights } });
 * ```
 *
 * @throws ConfigError for an invalid option
 */
export function redisFleet(options: RedisFleetOptions): RedisFleet {
  const config = fleetConfig(options);
  const client = new RedisClient(config);
  const pubSub = new PubSub(client, config);
  const generations = new Generations(client, config.prefix);
  const flights = new RedisFlights(client, pubSub, config, generations);
  const { local } = config;
  const maxStale = local && local.maxStaleMs > 0 ? new MaxStale(local.maxStaleMs, pubSub) : undefined;
  return {
    store: (init) =>
      new RedisStore(init, { client, config, generations, maxStale, local: local && new LocalTier(local) }),
    flights,
    get isUp() {
      return client.isUp;
    },
    async close() {
      // After this, nobody would send the pending updates.
      const end = performance.now() + CLOSE_MS;
      while (flights.isPublishing && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
      flights.close();
      client.close();
      await pubSub.close();
    },
  };
}
