import { poolConfig, type PoolOptions } from '../../lib/pool/options';

const DEFAULTS = {
  minConnections: 1,
  maxConnections: 1,
  maxIdleMs: 300_000,
  maxInFlightPerConnection: 100,
  growAfterMs: 250,
  connectTimeoutMs: 30_000,
  acquireTimeoutMs: 30_000,
  maxWaiting: 1_000,
  healthCheckIntervalMs: 60_000,
  pingTimeoutMs: 60_000,
};

test.each([undefined, {}, Object.create(null) as PoolOptions, { minConnections: undefined, growAfterMs: undefined }])(
  'without options there are defaults',
  (options) => {
    expect(poolConfig(options)).toEqual(DEFAULTS);
  },
);

test('what is given is taken', () => {
  expect(poolConfig({ minConnections: 0, maxWaiting: 0, growAfterMs: 50, onEvent: () => undefined })).toEqual({
    ...DEFAULTS,
    minConnections: 0,
    maxWaiting: 0,
    growAfterMs: 50,
  });
});

test.each([
  [1, 1],
  [2, 2],
  [10, 2],
])('with at most %i connections, %i are kept', (maxConnections, minConnections) => {
  expect(poolConfig({ maxConnections })).toMatchObject({ minConnections, maxConnections });
});

test.each([
  [{ maxConnections: 0 }, 'pool.maxConnections must be an integer from 1 to 2147483647, got 0'],
  [{ minConnections: -1 }, 'pool.minConnections must be an integer from 0 to 2147483647, got -1'],
  [{ growAfterMs: 0.5 }, 'pool.growAfterMs must be an integer from 1 to 2147483647, got 0.5'],
  [{ maxIdleMs: 2 ** 31 }, 'pool.maxIdleMs must be an integer from 1 to 2147483647, got 2147483648'],
  [{ pingTimeoutMs: '5' as unknown as number }, 'pool.pingTimeoutMs must be an integer from 1 to 2147483647, got "5"'],
  [{ minConnections: 2 }, 'pool.minConnections must not be more than pool.maxConnections (1), got 2'],
  [
    { minConnections: 3, maxConnections: 2 },
    'pool.minConnections must not be more than pool.maxConnections (2), got 3',
  ],
])('%j is refused', (options, message) => {
  expect(() => poolConfig(options)).toThrow(expect.objectContaining({ message, code: 'MCPO_CONFIG' }));
});

test('messages name the options as the caller does', () => {
  expect(() => poolConfig({ maxWaiting: NaN }, 'servers.docs.pool')).toThrow('servers.docs.pool.maxWaiting must be');
});
