import { mcpoRouter } from '../../lib';
import { expectRefusal, settings } from '../support/settings';

const FROM_1 = 'must be an integer of at least 1, got';
const OBJECT = 'must be an object, got';
const MAX_CONCURRENT = "must be an integer from 1 to 1000000, 'cpu' or 'io', got";
const NO_LIFETIMES = "must not be given with the strategy 'lru', whose results do not expire; 'lru_ttl' heeds it";
const CACHE_KEYS = 'strategy, maxSize, maxBytes, maxEntryBytes, defaultTtlMs, store';

describe('what cannot work is refused', () => {
  it.each<[object, string, string]>([
    [{ cache: null }, 'cache', `${OBJECT} null`],
    [{ cache: { size: 1 } }, 'cache.size', `is not an option; known are ${CACHE_KEYS}, tools, kinds, caches`],
    [{ cache: { strategy: 'lru', defaultTtlMs: 1 } }, 'cache.defaultTtlMs', NO_LIFETIMES],
    [{ cache: { strategy: 'lru', tools: { a: { ttlMs: 1 } } } }, 'cache.tools.a.ttlMs', NO_LIFETIMES],
    [{ cache: { strategy: 'lru', kinds: { static: { ttlMs: 1 } } } }, 'cache.kinds.static.ttlMs', NO_LIFETIMES],
    [
      { cache: { caches: { x: { strategy: 'lru' } }, tools: { a: { ttlMs: 1, cache: 'x' } } } },
      'cache.tools.a.ttlMs',
      NO_LIFETIMES,
    ],
    [{ cache: { caches: { x: { strategy: 'lru', defaultTtlMs: 1 } } } }, 'cache.caches.x.defaultTtlMs', NO_LIFETIMES],
    [{ cache: { strategy: 'fifo' } }, 'cache.strategy', `must be 'lru', 'ttl' or 'lru_ttl', got "fifo"`],
    [{ cache: { maxSize: 0 } }, 'cache.maxSize', `${FROM_1} 0`],
    [{ cache: { maxSize: '9' } }, 'cache.maxSize', `${FROM_1} "9"`],
    [{ cache: { maxBytes: 0.5 } }, 'cache.maxBytes', `${FROM_1} 0.5`],
    [{ cache: { maxEntryBytes: -1 } }, 'cache.maxEntryBytes', `${FROM_1} -1`],
    [
      { cache: { maxBytes: 5, maxEntryBytes: 6 } },
      'cache.maxEntryBytes',
      'must not be more than cache.maxBytes (5), got 6',
    ],
    [{ cache: { defaultTtlMs: 0 } }, 'cache.defaultTtlMs', `${FROM_1} 0`],
    [{ cache: { defaultTtlMs: null } }, 'cache.defaultTtlMs', `${FROM_1} null`],
    [{ cache: { store: 'redis' } }, 'cache.store', 'must be a function, got "redis"'],
    [{ cache: { tools: ['x'] } }, 'cache.tools', `${OBJECT} ["x"]`],
    [{ cache: { tools: { 'a/b': 60 } } }, 'cache.tools["a/b"]', `${OBJECT} 60`],
    [{ cache: { tools: { x: { ttl: 1 } } } }, 'cache.tools.x.ttl', 'is not an option; known are ttlMs, cache'],
    [
      { cache: { tools: { 'a/*': { ttlMs: -1 } } } },
      'cache.tools["a/*"].ttlMs',
      'must be an integer of at least 0, got -1',
    ],
    [{ cache: { tools: { x: { cache: 'y' } } } }, 'cache.tools.x.cache', 'must be one of default, got "y"'],
    [
      { cache: { caches: { z: {} }, tools: { x: { cache: 1 } } } },
      'cache.tools.x.cache',
      'must be one of default, z, got 1',
    ],
    [{ cache: { kinds: null } }, 'cache.kinds', `${OBJECT} null`],
    [{ cache: { kinds: { slow: {} } } }, 'cache.kinds.slow', 'is not an option; known are static, dynamic, realtime'],
    [{ cache: { kinds: { static: { ttlMs: 0 } } } }, 'cache.kinds.static.ttlMs', `${FROM_1} 0`],
    [
      { cache: { kinds: { dynamic: { patterns: 'x' } } } },
      'cache.kinds.dynamic.patterns',
      'must be an array of strings',
    ],
    [
      { cache: { kinds: { realtime: { ttlMs: 1 } } } },
      'cache.kinds.realtime.ttlMs',
      'is not an option; known are patterns',
    ],
    [{ cache: { caches: { x: 5 } } }, 'cache.caches.x', `${OBJECT} 5`],
    [{ cache: { caches: { x: { tools: {} } } } }, 'cache.caches.x.tools', `is not an option; known are ${CACHE_KEYS}`],
    [{ cache: { caches: { x: { maxSize: 0 } } } }, 'cache.caches.x.maxSize', `${FROM_1} 0`],
    [
      { cache: { caches: { default: {} } } },
      'cache.caches.default',
      'must have a non-empty name that is not taken, got "default"',
    ],
    [{ share: true }, 'share', `${OBJECT} true`],
    [{ share: null }, 'share', `${OBJECT} null`],
    [{ share: { window: 1 } }, 'share.window', 'is not an option; known are windowMs, fleet'],
    [{ share: { fleet: {} } }, 'share.fleet', 'must have the methods generation, dropGroup, execute'],
    [{ share: { windowMs: 0 } }, 'share.windowMs', `${FROM_1} 0`],
    [{ share: { windowMs: 2 ** 31 } }, 'share.windowMs', 'must be at most 2147483647, got 2147483648'],
    [{ concurrency: 5 }, 'concurrency', `${OBJECT} 5`],
    [{ concurrency: false }, 'concurrency', `${OBJECT} false`],
    [
      { concurrency: { max: 1 } },
      'concurrency.max',
      'is not an option; known are maxConcurrent, maxQueue, queueTimeoutMs, tools',
    ],
    [{ concurrency: { maxConcurrent: 0 } }, 'concurrency.maxConcurrent', `${MAX_CONCURRENT} 0`],
    [{ concurrency: { maxConcurrent: 'gpu' } }, 'concurrency.maxConcurrent', `${MAX_CONCURRENT} "gpu"`],
    [{ concurrency: { maxQueue: -1 } }, 'concurrency.maxQueue', 'must be an integer of at least 0, got -1'],
    [{ concurrency: { queueTimeoutMs: 0 } }, 'concurrency.queueTimeoutMs', 'must be an integer of at least 1, got 0'],
    [{ concurrency: { tools: { x: 0 } } }, 'concurrency.tools.x.maxConcurrent', `${MAX_CONCURRENT} 0`],
    [{ concurrency: { tools: { x: null } } }, 'concurrency.tools.x', `${OBJECT} null`],
    [
      { concurrency: { tools: { 'a/b': { tools: {} } } } },
      'concurrency.tools["a/b"].tools',
      'is not an option; known are maxConcurrent, maxQueue, queueTimeoutMs',
    ],
    [{ retry: true }, 'retry', `${OBJECT} true`],
    [{ retry: null }, 'retry', `${OBJECT} null`],
    [{ retry: { attempts: 1 } }, 'retry.attempts', 'is not an option; known are maxAttempts, budgetPercent'],
    [{ retry: { maxAttempts: 0 } }, 'retry.maxAttempts', `${FROM_1} 0`],
    [{ retry: { maxAttempts: 101 } }, 'retry.maxAttempts', 'must be at most 100, got 101'],
    [{ retry: { budgetPercent: -1 } }, 'retry.budgetPercent', 'must be an integer of at least 0, got -1'],
    [{ retry: { budgetPercent: 101 } }, 'retry.budgetPercent', 'must be at most 100, got 101'],
    [{ breaker: false }, 'breaker', `${OBJECT} false`],
    [{ breaker: null }, 'breaker', `${OBJECT} null`],
    [{ breaker: { after: 1 } }, 'breaker.after', 'is not an option; known are threshold, cooldownMs'],
    [{ breaker: { threshold: 0 } }, 'breaker.threshold', `${FROM_1} 0`],
    [{ breaker: { cooldownMs: 0 } }, 'breaker.cooldownMs', `${FROM_1} 0`],
    [{ access: 'read' }, 'access', `${OBJECT} "read"`],
    [{ access: null }, 'access', `${OBJECT} null`],
    [{ access: { 'a/b': 'readonly' } }, 'access["a/b"]', `must be 'read', 'idempotent' or 'write', got "readonly"`],
    [{ access: { x: true } }, 'access.x', `must be 'read', 'idempotent' or 'write', got true`],
    [{ access: { x: undefined } }, 'access.x', `must be 'read', 'idempotent' or 'write', got undefined`],
  ])('%j', (options, path, remedy) => {
    expectRefusal(() => settings(options), path, remedy);
  });

  it.each<[object, string, string]>([
    [{ trustAnnotations: 'no' }, 'trustAnnotations', 'must be true or false, got "no"'],
    [{ cache: { maxSize: 1 } }, 'cache.maxSize', 'is not an option; known are defaultTtlMs, group'],
    [{ cache: { group: '' } }, 'cache.group', 'must be a non-empty string'],
    [{ concurrency: { writes: 2 } }, 'concurrency.writes', 'must be at most 1, got 2'],
    [{ cache: { defaultTtlMs: 0 } }, 'cache.defaultTtlMs', `${FROM_1} 0`],
    [{ cache: null }, 'cache', `${OBJECT} null`],
    [{ concurrency: null }, 'concurrency', `${OBJECT} null`],
    [{ concurrency: { maxConcurrent: 0 } }, 'concurrency.maxConcurrent', `${MAX_CONCURRENT} 0`],
    [
      { concurrency: { tools: {} } },
      'concurrency.tools',
      'is not an option; known are maxConcurrent, maxQueue, queueTimeoutMs, writes',
    ],
    [{ retry: { maxAttempts: 0 } }, 'retry.maxAttempts', `${FROM_1} 0`],
    [{ retry: null }, 'retry', `${OBJECT} null`],
  ])('of a server: %j', (server, path, remedy) => {
    const servers = { 'my server': { command: 'node', ...server } };
    expectRefusal(() => settings({ servers }), `servers["my server"].${path}`, remedy);
  });

  it('by the router itself', () => {
    const options = { servers: {}, cache: { maxSize: 0 } };
    expectRefusal(() => mcpoRouter(options), 'cache.maxSize', `${FROM_1} 0`);
  });
});
