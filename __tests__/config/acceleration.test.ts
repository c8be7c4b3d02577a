import { availableParallelism } from 'node:os';
import { mcpoRouter } from '../../lib';
import { silent } from '../support/loggers';
import { expectRefusal, settings } from '../support/settings';

const MIB = 2 ** 20;

const DEFAULTS = {
  strategy: 'lru_ttl',
  maxSize: 1_000,
  maxBytes: 64 * MIB,
  maxEntryBytes: MIB,
  defaultTtlMs: 300_000,
  caches: ['default'],
  isCached: false,
  serverTtlMs: 0,
  share: { windowMs: 1_000 },
  limit: { maxConcurrent: 100, maxQueue: 1_000, queueTimeoutMs: 30_000, name: 'concurrency limit' },
  serverLimit: undefined,
  toolLimits: [],
  retry: { maxAttempts: 3, budgetPercent: 20 },
  breaker: { threshold: 5, cooldownMs: 5_000 },
  access: [],
  trustAnnotations: true,
};

const nothing = (names: string): Record<string, undefined> =>
  Object.fromEntries(names.split(' ').map((name) => [name, undefined]));

describe('defaults', () => {
  it.each<[string, object]>([
    ['without options', {}],
    ['with undefined for each', nothing('access cache share concurrency retry breaker')],
    [
      'with undefined for each part',
      {
        share: nothing('windowMs'),
        concurrency: nothing('maxConcurrent maxQueue queueTimeoutMs tools'),
        retry: nothing('maxAttempts budgetPercent'),
        breaker: nothing('threshold cooldownMs'),
        servers: { a: { command: 'node', ...nothing('cache concurrency retry trustAnnotations') } },
      },
    ],
    ['with empty objects', { access: {}, cache: { tools: {} }, concurrency: { tools: {} }, share: {} }],
  ])('hold %s', (_how, options) => {
    expect(settings(options)).toMatchObject(DEFAULTS);
    expect(settings(options).kinds).toMatchObject({
      static: { ttlMs: 3_600_000 },
      dynamic: { ttlMs: 60_000 },
      realtime: { ttlMs: 0 },
    });
  });

  it('hold for variables that are empty or blank', () => {
    const env = Object.fromEntries(VARIABLES.map(([name, text]) => [name, ' '.repeat(text.length % 2)]));
    expect(settings({}, env)).toMatchObject(DEFAULTS);
  });
});

/** Each variable, a text, what it comes to, and the option that says something else. */
const VARIABLES: [name: string, text: string, setting: object, option: object, wins: object][] = [
  [
    'MCPO_CACHE_MAX_SIZE',
    '7',
    { maxSize: 7 },
    { cache: { maxSize: 8 } },
    { maxSize: 8, isCached: true, serverTtlMs: 300_000 },
  ],
  [
    'MCPO_CACHE_DEFAULT_TTL',
    '9',
    { defaultTtlMs: 9_000, serverTtlMs: 9_000, isCached: true },
    { cache: { defaultTtlMs: 8 } },
    { defaultTtlMs: 8, serverTtlMs: 8, isCached: true },
  ],
  [
    'MCPO_CACHE_STRATEGY',
    'lru',
    { strategy: 'lru' },
    { cache: { strategy: 'ttl' } },
    { strategy: 'ttl', isCached: true, serverTtlMs: 300_000 },
  ],
  [
    'MCPO_MAX_CONCURRENT',
    '11',
    { limit: { ...DEFAULTS.limit, maxConcurrent: 11 } },
    { concurrency: { maxConcurrent: 'cpu' } },
    { limit: { ...DEFAULTS.limit, maxConcurrent: availableParallelism() } },
  ],
  [
    'MCPO_REQUEST_DEDUP_TTL',
    '3',
    { share: { windowMs: 3_000 } },
    { share: { windowMs: 5 } },
    { share: { windowMs: 5 } },
  ],
];

describe('the environment', () => {
  it.each(VARIABLES)('says %s=%s unless an option does', (name, text, setting, option, wins) => {
    expect(settings({}, { [name]: text })).toMatchObject({ ...DEFAULTS, ...setting });
    expect(settings({}, { [name]: ` ${text}\n` })).toMatchObject(setting);
    expect(settings(option, { [name]: text })).toMatchObject({ ...DEFAULTS, ...wins });
    const [part] = Object.keys(option);
    const unset = {
      [String(part)]: Object.fromEntries(
        Object.values(option)
          .flatMap(Object.keys)
          .map((key) => [key, undefined]),
      ),
    };
    expect(settings(unset, { [name]: text })).toMatchObject(setting);
  });

  it.each(['ttl', 'lru_ttl', 'lru'])('may name the strategy %s', (strategy) => {
    expect(settings({}, { MCPO_CACHE_STRATEGY: strategy }).strategy).toBe(strategy);
  });

  it('does not switch on what an option switches off', () => {
    const env = { MCPO_REQUEST_DEDUP_TTL: '3', MCPO_CACHE_DEFAULT_TTL: '9' };
    expect(settings({ share: false, cache: false }, env)).toMatchObject({ share: undefined, isCached: false });
  });

  it.each(['MCPO_CACHE_MAX_SIZE', 'MCPO_CACHE_STRATEGY'])('switches no cache on by %s, and the log says so', (name) => {
    const env = { [name]: name === 'MCPO_CACHE_MAX_SIZE' ? '5' : 'ttl' };
    const warn = jest.fn();
    const logger = { ...silent, warn };
    expect(settings({ logger }, env).isCached).toBe(false);
    const remedy = 'cache: true or MCPO_CACHE_DEFAULT_TTL switches it on';
    expect(warn.mock.calls).toEqual([[`mcpo: ${name} has no effect, as nothing is cached; ${remedy}`]]);
    warn.mockClear();
    for (const cache of [false, true, { tools: { '*': { ttlMs: 1 } } }]) settings({ logger, cache }, env);
    settings({ logger }, { ...env, MCPO_CACHE_DEFAULT_TTL: '1' });
    expect(warn).not.toHaveBeenCalled();
  });

  it('is that of the process', async () => {
    process.env.MCPO_MAX_CONCURRENT = '12';
    try {
      const mcpo = mcpoRouter({ servers: {}, logger: silent });
      expect(mcpo.limiter.maxConcurrent).toBe(12);
      await mcpo.close();
      process.env.MCPO_MAX_CONCURRENT = 'many';
      const remedy = 'must be an integer of at least 1, got "many"';
      expectRefusal(() => mcpoRouter({ servers: {} }), 'MCPO_MAX_CONCURRENT', remedy);
    } finally {
      delete process.env.MCPO_MAX_CONCURRENT;
    }
  });

  const wrong = ['0', '-1', '1.5', 'many', '1e99', 'NaN', '0x'];
  const numbers = VARIABLES.map(([name]) => name).filter((name) => name !== 'MCPO_CACHE_STRATEGY');
  it.each(numbers)('may not say something else than a whole number in %s, even where an option is given', (name) => {
    const given = { cache: { maxSize: 1, defaultTtlMs: 1 }, share: { windowMs: 1 }, concurrency: { maxConcurrent: 1 } };
    for (const text of wrong) {
      expectRefusal(() => settings({}, { [name]: text }), name, `must be an integer of at least 1, got "${text}"`);
      expectRefusal(() => settings(given, { [name]: text }), name, `must be an integer of at least 1, got "${text}"`);
    }
  });

  it.each(['LRU', 'fifo', 'lru,ttl'])('may not name the strategy %s', (strategy) => {
    const env = { MCPO_CACHE_STRATEGY: strategy };
    expectRefusal(() => settings({}, env), 'MCPO_CACHE_STRATEGY', `must be lru, ttl, lru_ttl, got "${strategy}"`);
  });
});

describe('options', () => {
  it.each<[object, object]>([
    [{ cache: { strategy: 'lru' } }, { strategy: 'lru' }],
    [{ cache: { maxSize: 1, maxBytes: 2, maxEntryBytes: 1 } }, { maxSize: 1, maxBytes: 2, maxEntryBytes: 1 }],
    [{ cache: { maxBytes: 3 } }, { maxBytes: 3, maxEntryBytes: 3 }],
    [{ cache: false }, { isCached: false }],
    [{ cache: true }, { isCached: true, serverTtlMs: 300_000 }],
    [{ cache: {} }, { isCached: true, serverTtlMs: 300_000 }],
    [
      { cache: nothing('strategy maxSize defaultTtlMs store tools kinds caches') },
      { ...DEFAULTS, isCached: true, serverTtlMs: 300_000 },
    ],
    [{ cache: { caches: { often: {}, 'a b': { maxSize: 1 } } } }, { caches: ['default', 'often', 'a b'] }],
    [
      { cache: { kinds: { static: { ttlMs: 1, patterns: ['x'] } } } },
      { kinds: { static: { ttlMs: 1, patterns: ['x'] } } },
    ],
    [{ cache: { kinds: { realtime: { patterns: [] } } } }, { kinds: { realtime: { patterns: [] } } }],
    [{ share: false }, { share: undefined }],
    [{ share: { windowMs: 1 } }, { share: { windowMs: 1 } }],
    [{ concurrency: { maxConcurrent: 'io' } }, { limit: { maxConcurrent: 4 * availableParallelism() } }],
    [
      { concurrency: { maxQueue: 0, queueTimeoutMs: 1 } },
      { limit: { maxConcurrent: 100, maxQueue: 0, queueTimeoutMs: 1 } },
    ],
    [
      { concurrency: { tools: { 'a/*': 2, '*': 'cpu', x: { maxQueue: 0 } } } },
      {
        toolLimits: [
          { maxConcurrent: 2, maxQueue: 1_000 },
          { maxConcurrent: availableParallelism() },
          { maxConcurrent: 100, maxQueue: 0 },
        ],
      },
    ],
    [{ retry: false }, { retry: { maxAttempts: 1, budgetPercent: 0 } }],
    [{ retry: { maxAttempts: 5 } }, { retry: { maxAttempts: 5, budgetPercent: 20 } }],
    [{ retry: { budgetPercent: 0 } }, { retry: { maxAttempts: 3, budgetPercent: 0 } }],
    [{ breaker: { threshold: 1 } }, { breaker: { threshold: 1, cooldownMs: 5_000 } }],
    [{ breaker: { cooldownMs: 1 } }, { breaker: { threshold: 5, cooldownMs: 1 } }],
    [{ access: { '*': 'read', b: 'idempotent', c: 'write' } }, { access: ['read', 'idempotent', 'write'] }],
  ])('%j', (options, expected) => {
    expect(settings(options)).toMatchObject(expected);
  });

  const settingsOfServer = (server: object, options: object = {}): Record<string, unknown> =>
    settings({ servers: { a: { command: 'node', ...server } }, ...options });

  it.each<[object, object, object]>([
    [{ cache: { defaultTtlMs: 5 } }, { cache: { defaultTtlMs: 7 } }, { serverTtlMs: 5, defaultTtlMs: 7 }],
    [{ cache: {} }, { cache: { defaultTtlMs: 7 } }, { serverTtlMs: 7 }],
    [{ cache: {} }, {}, { serverTtlMs: 300_000, isCached: true }],
    [{ cache: true }, { cache: false }, { serverTtlMs: 300_000, isCached: true }],
    [{}, { cache: { tools: { 'a/*': { ttlMs: 1 } } } }, { isCached: false }],
    [{ cache: false }, {}, { serverTtlMs: 0, isCached: false }],
    [
      { concurrency: { maxConcurrent: 3 } },
      {},
      { serverLimit: { maxConcurrent: 3, maxQueue: 1_000 }, limit: DEFAULTS.limit },
    ],
    [{ concurrency: { maxConcurrent: 'cpu' } }, {}, { serverLimit: { maxConcurrent: availableParallelism() } }],
    [{ retry: { maxAttempts: 2 } }, { retry: { budgetPercent: 5 } }, { retry: { maxAttempts: 2, budgetPercent: 5 } }],
    [{ retry: {} }, { retry: false }, { retry: DEFAULTS.retry }],
    [{ retry: false }, { retry: { maxAttempts: 5 } }, { retry: { maxAttempts: 1 } }],
    [{}, { retry: { maxAttempts: 5 } }, { retry: { maxAttempts: 5 } }],
    [{ trustAnnotations: false }, {}, { trustAnnotations: false }],
  ])('of a server: %j, of the router: %j', (server, router, expected) => {
    expect(settingsOfServer(server, router)).toMatchObject(expected);
  });

  it('make the store of every cache', () => {
    const names: string[] = [];
    const store = ({ name }: { name: string }): never => {
      names.push(name);
      throw new Error('enough');
    };
    expect(() => settings({ cache: { store } })).toThrow('enough');
    expect(() => settings({ cache: { caches: { own: { store } } } })).toThrow('enough');
    expect(names).toEqual(['default', 'own']);
  });
});
