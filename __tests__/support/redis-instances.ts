import type { McpoOptions, McpoRouter } from '../../lib';
import type { RedisFleetOptions } from '../../lib/redis';
import { type OwnFleet, ownFleet } from './redis-clients';
import type { Served } from './serve';

/** One instance of an app: a router, served, with connections of its own to Redis. */
export interface Instance extends Served, OwnFleet {
  readonly mcpo: McpoRouter;
}

/** Starts instances of the same app, every other one with the other client. */
export async function instances(
  serve: (options: McpoOptions) => Promise<Served>,
  port: number,
  count: number,
  options: McpoOptions,
  fleetOptions: Partial<RedisFleetOptions> = {},
): Promise<Instance[]> {
  const started: Instance[] = [];
  for (let index = 0; index < count; index += 1) {
    const own = await ownFleet(port, fleetOptions, index % 2 === 0 ? 'node-redis' : 'ioredis');
    const cache = { ...(typeof options.cache === 'object' && options.cache), store: own.fleet.store };
    const share = { ...(options.share || undefined), fleet: own.fleet.flights };
    started.push({ ...own, ...(await serve({ ...options, cache, share })) });
  }
  return started;
}
