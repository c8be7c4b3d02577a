import { Redis } from 'ioredis';
import { RESP_TYPES, createClient } from 'redis';
import { type RedisFleet, type RedisFleetOptions, redisFleet } from '../../lib/redis';
import { silent } from './loggers';

/** A host's own connections, and what the fleet needs of them. */
export interface Connected extends Pick<RedisFleetOptions, 'sendCommand'> {
  readonly subscribe: NonNullable<RedisFleetOptions['subscribe']>;
  readonly close: () => void;
}

/** The clients that hosts have, used as docs/scaling.md says. */
export const CLIENTS: Readonly<Record<'node-redis' | 'ioredis', (port: number) => Promise<Connected>>> = {
  async 'node-redis'(port) {
    const client = createClient({ url: `redis://127.0.0.1:${port}`, socket: { reconnectStrategy: () => 50 } });
    const listening = client.duplicate();
    for (const one of [client, listening]) one.on('error', () => undefined);
    await Promise.all([client.connect(), listening.connect()]);
    return {
      sendCommand: (args) => client.sendCommand(args, { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } }),
      subscribe: async (channel, listener) => {
        await listening.subscribe(channel, listener);
        return () => listening.unsubscribe(channel);
      },
      close: () => {
        for (const one of [client, listening]) one.destroy();
      },
    };
  },
  async ioredis(port) {
    const client = new Redis(port, { retryStrategy: () => 50 });
    const listening = client.duplicate();
    for (const one of [client, listening]) one.on('error', () => undefined);
    await client.ping();
    return {
      sendCommand: ([command = '', ...args]) => client.callBuffer(String(command), args),
      subscribe: async (channel, listener) => {
        await listening.subscribe(channel);
        listening.on('message', (from, message) => {
          if (from === channel) listener(message);
        });
        return async () => {
          await listening.unsubscribe(channel);
        };
      },
      close: () => {
        for (const one of [client, listening]) one.disconnect();
      },
    };
  },
};

/** A fleet over connections of its own, and how to end both. */
export interface OwnFleet {
  readonly fleet: RedisFleet;
  readonly sendCommand: RedisFleetOptions['sendCommand'];
  /** How often it has looked for another instance's answer. */
  readonly looks: () => number;
  readonly end: () => Promise<void>;
}

/** One instance's part of a fleet. */
export async function ownFleet(
  port: number,
  options: Partial<RedisFleetOptions> = {},
  client: keyof typeof CLIENTS = 'node-redis',
): Promise<OwnFleet> {
  const { sendCommand, subscribe, close } = await CLIENTS[client](port);
  let looks = 0;
  const counted: typeof sendCommand = (args) => {
    if (args[0] === 'MGET' && args[1]?.includes('}:f:')) looks += 1;
    return sendCommand(args);
  };
  const fleet = redisFleet({ sendCommand: counted, subscribe, logger: silent, ...options });
  return {
    fleet,
    sendCommand,
    looks: () => looks,
    end: async () => {
      await fleet.close().catch(() => undefined);
      close();
    },
  };
}
