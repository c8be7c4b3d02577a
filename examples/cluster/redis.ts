import { type RedisFleet, type RedisFleetOptions, redisFleet } from 'express-mcpo/redis';
import { RESP_TYPES, createClient } from 'redis';

/** A fleet, and how to leave it. */
export interface Connected {
  readonly fleet: RedisFleet;
  readonly leave: () => Promise<void>;
}

/** Joins the fleet of all instances with the same Redis and prefix. Nothing waits for Redis: while it is away, calls go to the tools. */
export function joinFleet(url: string, options: Pick<RedisFleetOptions, 'prefix' | 'timeoutMs'>): Connected {
  const client = createClient({ url, disableOfflineQueue: true });
  const listener = client.duplicate({ disableOfflineQueue: false });
  // The fleet logs what fails.
  for (const each of [client, listener]) each.on('error', () => undefined);
  const connections = [client.connect(), listener.connect()];
  for (const connection of connections) connection.catch(() => undefined);

  const fleet = redisFleet({
    ...options,
    sendCommand: (args) => client.sendCommand(args, { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } }),
    subscribe: async (channel, listen) => {
      await listener.subscribe(channel, listen);
      return () => listener.unsubscribe(channel);
    },
  });
  return {
    fleet,
    leave: async () => {
      await fleet.close();
      for (const each of [client, listener]) each.destroy();
    },
  };
}
