import { originOf } from '../../lib/config/origin';
import { redisFleet } from '../../lib/redis';
import { until } from '../support/deferred';
import { FakeRedis } from '../support/fake-redis';
import { silent } from '../support/loggers';
import { post } from '../support/post';
import { serving } from '../support/serve';
import { scripted } from '../support/stdio';

const serve = serving();
const { command, args } = scripted();

it('servers of the same name that are different programs share nothing', async () => {
  const { sendCommand, subscribe } = new FakeRedis();
  const fleets = [1, 2].map(() => redisFleet({ sendCommand, subscribe, logger: silent }));
  const [one, other] = await Promise.all(
    fleets.map(({ store, flights }, index) =>
      serve({
        servers: { same: { command, args, env: { WHICH: String(index) } } },
        access: { 'same/*': 'read' },
        cache: { store },
        share: { fleet: flights },
      }),
    ),
  );
  const status = async (url = ''): Promise<string> =>
    (await post(`${url}/same/echo`, { args: { text: 'x' } })).header('cache-status') ?? '';
  await until(async () => (await status(one?.url)).includes('hit'));
  expect(await status(other?.url)).toBe('express-mcpo; fwd=miss');
  for (const fleet of fleets) await fleet.close();
});

describe('the origin of a server', () => {
  const stdio = { kind: 'stdio', command: 'node', args: ['a'], env: { A: '1', B: '2' } } as const;
  const http = { kind: 'http', url: new URL('http://127.0.0.1/a'), headers: { A: '1' }, mode: 'auto' } as const;

  it('is the same for the same server', () => {
    expect(originOf({ ...stdio, env: { B: '2', A: '1' }, cwd: '.' })).toBe(originOf(stdio));
    expect(originOf({ ...http, url: new URL('http://127.0.0.1:80/a') })).toBe(originOf(http));
  });

  it('is another for each other one', () => {
    const all = [
      ...[stdio, { ...stdio, command: 'bun' }, { ...stdio, args: ['b'] }, { ...stdio, cwd: '/' }],
      ...[
        { ...stdio, env: { A: '1' } },
        http,
        { ...http, url: new URL('http://127.0.0.1/b') },
        { ...http, headers: {} },
      ],
    ];
    expect(new Set(all.map(originOf)).size).toBe(all.length);
  });

  it('is not known of what the app connects', () => {
    expect(originOf({ kind: 'custom', connect: () => Promise.reject(new Error('never')) })).toBeUndefined();
  });
});
