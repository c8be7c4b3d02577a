import type { StoreFactory } from '../../lib';
import { MemoryStore } from '../../lib/parts';
import { type RedisFleetOptions, redisFleet } from '../../lib/redis';
import { until } from '../support/deferred';
import { FakeRedis } from '../support/fake-redis';
import { Lab, text } from '../support/lab';
import { silent } from '../support/loggers';
import { post } from '../support/post';
import { serving } from '../support/serve';

const serve = serving();

it('a write that is cut off when its instance closes is told to the others', async () => {
  const redis = new FakeRedis();
  // Each reply takes a while, as from a Redis on another machine.
  redis.before = () => new Promise((resolve) => setTimeout(resolve, 5));
  const lab = new Lab()
    .tool('read', () => text('1'), { annotations: { readOnlyHint: true } })
    .tool('write', () => new Promise(() => undefined));
  const { sendCommand, subscribe } = redis;
  const fleets = [1, 2].map(() => redisFleet({ sendCommand, subscribe, logger: silent }));
  const apps = await Promise.all(
    fleets.map(({ store, flights }) =>
      serve({ servers: { lab: { connect: lab.connect } }, cache: { store }, share: { fleet: flights } }),
    ),
  );
  const url = (index: number, tool: string): string => `${apps[index]?.url ?? ''}/lab/${tool}`;
  const status = async (): Promise<string> => (await post(url(1, 'read'))).header('cache-status') ?? '';
  await until(async () => (await status()).includes('hit'));
  const cutOff = post(url(0, 'write'));
  await until(() => lab.runs.get('write') === 1);
  await apps[0]?.mcpo.close();
  await fleets[0]?.close();
  expect((await cutOff).body).toMatchObject({ outcome: 'unknown' });
  expect(await status()).toBe('express-mcpo; fwd=miss');
  await fleets[1]?.close();
});

it('a cache is closed after it has been told of a write that was cut off', async () => {
  const lab = new Lab().tool('write', () => new Promise(() => undefined));
  const told: string[] = [];
  const store: StoreFactory = (init) => {
    const made = new MemoryStore(init);
    const [dropGroup, close] = [made.dropGroup.bind(made), made.close.bind(made)];
    made.dropGroup = (...args) => {
      told.push('write');
      dropGroup(...args);
    };
    made.close = () => {
      told.push('close');
      close();
    };
    return made;
  };
  const { mcpo, url } = await serve({ servers: { lab: { connect: lab.connect } }, cache: { store } });
  const cutOff = post(`${url}/lab/write`);
  await until(() => lab.runs.get('write') === 1);
  await mcpo.close();
  expect((await cutOff).status).toBe(502);
  expect(told).toEqual(['write', 'close']);
});

it('closing waits for what others must hear, and no longer than half a second', async () => {
  const redis = new FakeRedis();
  const { sendCommand } = redis;
  const [fleet, hung] = [1, 2].map(() => redisFleet({ sendCommand, logger: silent, timeoutMs: 100 }));
  redis.before = () => new Promise((resolve) => setTimeout(resolve, 50));
  let told = false as boolean;
  void fleet?.flights.dropGroup('docs', 0).then(() => (told = true));
  await fleet?.close();
  expect(told).toBe(true);
  redis.before = () => new Promise(() => undefined);
  void hung?.flights.dropGroup('docs', 0);
  const begun = performance.now();
  await hung?.close();
  expect(performance.now() - begun).toBeLessThan(2_000);
});

it.each<[string, RedisFleetOptions['subscribe']]>([
  ['listening never begins', () => new Promise(() => undefined)],
  ['it never ends', () => Promise.resolve(() => new Promise(() => undefined))],
  ['its end fails', () => Promise.resolve(() => Promise.reject(new Error('closed')))],
])('closing ends although %s', async (_what, subscribe) => {
  const { sendCommand } = new FakeRedis();
  const fleet = redisFleet({ sendCommand, subscribe, local: { maxStaleMs: 1 }, logger: silent });
  const begun = performance.now();
  await fleet.close();
  expect(performance.now() - begun).toBeLessThan(2_000);
});

it('listening that failed is tried again, which is said once', async () => {
  const { sendCommand } = new FakeRedis();
  const warn = jest.fn();
  let tries = 0;
  const subscribe = (): Promise<() => void> => {
    tries += 1;
    return tries < 3 ? Promise.reject(new Error('not yet')) : Promise.resolve(() => undefined);
  };
  const logger = { warn, info: warn };
  const fleet = redisFleet({ sendCommand, subscribe, local: { maxStaleMs: 1 }, logger });
  await until(() => tries === 3);
  await fleet.close();
  expect(warn).toHaveBeenCalledTimes(1);
});
