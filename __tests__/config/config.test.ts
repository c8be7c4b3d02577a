import { resolveConfig } from '../../lib/config/config';
import { ConfigError, type McpoOptions } from '../../lib/index';

const stdio = { command: 'node' };
const config = (options: unknown, env: NodeJS.ProcessEnv = {}): ReturnType<typeof resolveConfig> =>
  resolveConfig(options as McpoOptions, env);

describe('defaults', () => {
  it.each<[string, object]>([
    ['without them', {}],
    [
      'with undefined for each',
      { authorize: undefined, bodyLimit: undefined, pool: undefined, logger: undefined, info: undefined },
    ],
    ['from an object without a prototype', Object.create(null) as object],
  ])('are the same %s', (_how, options) => {
    const { servers, auth, bodyLimit, drainTimeoutMs, info } = config(
      Object.assign(options, { servers: { a: stdio } }),
    );
    expect({ bodyLimit, drainTimeoutMs, info }).toEqual({
      bodyLimit: 1_048_576,
      drainTimeoutMs: 10_000,
      info: { title: 'MCP tools', version: '1.0.0', description: undefined },
    });
    expect(auth).toEqual({
      apiKeys: [],
      authorize: undefined,
      isOpenOnPurpose: false,
      allowedOrigins: new Set(),
      allowedHosts: new Set(),
    });
    expect(servers).toEqual([
      expect.objectContaining({
        name: 'a',
        timeoutMs: 60_000,
        maxTotalTimeoutMs: 600_000,
        pool: { maxPools: 100, maxPoolsPerOwner: 10 },
        stateful: false,
        forward: [],
      }),
    ]);
  });

  it('keep a total timeout that is at least the timeout', () => {
    expect(config({ servers: { a: { ...stdio, timeoutMs: 900_000 } } }).servers[0]?.maxTotalTimeoutMs).toBe(900_000);
  });
});

describe('servers', () => {
  it('are taken as a Claude Desktop configuration has them', () => {
    const [files] = config({ servers: { files: { command: 'npx', args: ['-y', 'x', ''], env: { A: '1' } } } }).servers;
    expect(files?.transport).toEqual({ kind: 'stdio', command: 'npx', args: ['-y', 'x', ''], env: { A: '1' } });
  });

  it.each([
    [undefined, 'auto'],
    ['sse', 'sse'],
    ['streamable-http', 'streamable-http'],
    ['streamable_http', 'streamable-http'],
    ['streamablehttp', 'streamable-http'],
    ['http', 'streamable-http'],
  ])('of type %s speak %s', (type, mode) => {
    const [web] = config({ servers: { web: { type, url: 'https://a.example/mcp' } } }).servers;
    expect(web?.transport).toMatchObject({ kind: 'http', mode });
  });

  it('take the pool options of the router, and of the environment, unless they have their own', () => {
    const { servers } = config(
      {
        servers: { a: stdio, b: { ...stdio, pool: { connectTimeoutMs: 5, maxConnections: 1, maxCallers: 3 } } },
        pool: { connectTimeoutMs: 7, maxSessionsPerCaller: 4 },
      },
      { MCPO_POOL_MIN_CONNECTIONS: '3', MCPO_POOL_MAX_CONNECTIONS: '20', MCPO_POOL_MAX_IDLE_TIME: '60' },
    );
    const common = { maxIdleMs: 60_000, maxPoolsPerOwner: 4 };
    expect(servers.map((server) => server.pool)).toEqual([
      { ...common, minConnections: 3, maxConnections: 20, connectTimeoutMs: 7, maxPools: 100 },
      { ...common, minConnections: 1, maxConnections: 1, connectTimeoutMs: 5, maxPools: 3 },
    ]);
  });

  it('serve the tools that are included and not excluded', () => {
    const [a] = config({
      servers: {
        a: { ...stdio, tools: { include: ['read*', 'x.?'], exclude: ['*secret*'] }, disabledTools: ['read_raw'] },
      },
    }).servers;
    const names = ['read', 'read/a', 'read_secret', 'read_raw', 'x.y', 'xay', 'x.yz', 'READ', 'read\n/../x'];
    expect(names.filter((name) => a?.isServed(name))).toEqual(['read', 'read/a', 'x.y', 'read\n/../x']);
  });

  it('forward headers by lower-case names', () => {
    const forward = (option: unknown): unknown =>
      config({ servers: { web: { url: 'https://a.example', forwardHeaders: option } } }).servers[0]?.forward;
    expect(forward(['Authorization', 'X-Tenant'])).toEqual([
      ['authorization', 'authorization'],
      ['x-tenant', 'x-tenant'],
    ]);
    expect(forward({ 'X-User-Token': 'Authorization', Cookie: true })).toEqual([
      ['x-user-token', 'authorization'],
      ['cookie', 'cookie'],
    ]);
  });
});

describe('authentication', () => {
  it('takes the key from the environment unless an option is given', () => {
    expect(config({ servers: {} }, { MCPO_API_KEY: 'env' }).auth.apiKeys).toEqual(['env']);
    expect(config({ servers: {}, apiKey: 'own' }, { MCPO_API_KEY: 'env' }).auth.apiKeys).toEqual(['own']);
    expect(config({ servers: {}, apiKey: ['a', 'b'] }).auth.apiKeys).toEqual(['a', 'b']);
    expect(config({ servers: {}, authorize: () => true }, { MCPO_API_KEY: 'env' }).auth.apiKeys).toEqual([]);
  });
});

describe('what cannot work is refused with its path', () => {
  const web = { url: 'https://a.example' };
  it.each<[unknown, string]>([
    [undefined, 'options must be an object, got undefined'],
    [[], 'options must be an object, got []'],
    [{}, 'servers must be an object, got undefined'],
    [{ servers: { a: stdio }, aipKey: 'x' }, 'aipKey is not an option; known are servers, apiKey'],
    [{ servers: { a: {} } }, 'servers.a must have exactly one of command, url and connect'],
    [{ servers: { a: { ...stdio, ...web } } }, 'servers.a must have exactly one of command, url and connect'],
    [{ servers: { a: null } }, 'servers.a must be an object, got null'],
    [{ servers: { a: 'npx' } }, 'servers.a must be an object, got "npx"'],
    [{ servers: { 'a/b': stdio } }, 'servers["a/b"] must have a name that can be one path segment'],
    [{ servers: { '..': stdio } }, 'servers[".."] must have a name'],
    [{ servers: { '': stdio } }, 'servers[""] must have a name'],
    [{ servers: { a: { ...stdio, url2: 1 } } }, 'servers.a.url2 is not an option; known are'],
    [{ servers: { a: { ...stdio, type: 'sse' } } }, 'servers.a.type must be stdio here, got "sse"'],
    [{ servers: { a: { ...web, type: 'stdio' } } }, 'servers.a.type must be streamable-http or'],
    [{ servers: { a: { ...stdio, forwardHeaders: ['x'] } } }, 'servers.a.forwardHeaders is not an option'],
    [{ servers: { a: { command: '' } } }, 'servers.a.command must be a non-empty string'],
    [{ servers: { a: { command: 'x', args: 'y' } } }, 'servers.a.args must be an array of strings'],
    [{ servers: { a: { command: 'x', args: [1] } } }, 'servers.a.args must be an array of strings'],
    [{ servers: { a: { command: 'x', env: { SECRET: 1 } } } }, 'servers.a.env.SECRET must be a string'],
    [{ servers: { a: { command: 'x', env: ['A=1'] } } }, 'servers.a.env must be an object of strings'],
    [{ servers: { a: { command: 'x', cwd: 1 } } }, 'servers.a.cwd must be a non-empty string'],
    [{ servers: { a: { url: 'ftp://a.example' } } }, 'servers.a.url must be an http: or https: URL'],
    [{ servers: { a: { url: 'nonsense' } } }, 'servers.a.url must be an http: or https: URL'],
    [{ servers: { a: { ...web, headers: { 'bad name': 'x' } } } }, 'servers.a.headers must hold valid header names'],
    [{ servers: { a: { ...web, headers: { x: 'a\r\nb' } } } }, 'servers.a.headers must hold valid header names'],
    [{ servers: { a: { connect: 'x' } } }, 'servers.a.connect must be a function, got "x"'],
    [{ servers: { a: { ...stdio, timeoutMs: 0 } } }, 'servers.a.timeoutMs must be an integer of at least 1, got 0'],
    [{ servers: { a: { ...stdio, timeoutMs: 1.5 } } }, 'servers.a.timeoutMs must be an integer of at least 1, got 1.5'],
    [{ servers: { a: { ...stdio, timeoutMs: NaN } } }, 'servers.a.timeoutMs must be an integer of at least 1, got NaN'],
    [
      { servers: { a: { ...stdio, timeoutMs: 2 ** 31 } } },
      'servers.a.timeoutMs must be at most 2147483647, got 2147483648',
    ],
    [{ servers: { a: { ...stdio, timeoutMs: '1' } } }, 'servers.a.timeoutMs must be an integer of at least 1, got "1"'],
    [
      { servers: { a: { ...stdio, maxTotalTimeoutMs: 5 } } },
      'servers.a.maxTotalTimeoutMs must be an integer of at least 60000, got 5',
    ],
    [{ servers: { a: { ...stdio, pool: { min: 1 } } } }, 'servers.a.pool.min is not an option'],
    [{ servers: { a: { ...stdio, tools: ['x'] } } }, 'servers.a.tools must be an object'],
    [{ servers: { a: { ...stdio, tools: { include: 'x' } } } }, 'servers.a.tools.include must be an array of strings'],
    [{ servers: { a: { ...stdio, disabledTools: [1] } } }, 'servers.a.disabledTools[0] must be a non-empty string'],
    [{ servers: { a: { ...web, forwardHeaders: 'x' } } }, 'servers.a.forwardHeaders must be a list of header names'],
    [{ servers: { a: { ...web, forwardHeaders: ['a b'] } } }, 'servers.a.forwardHeaders must name headers, got "a b"'],
    [
      { servers: { a: { ...web, forwardHeaders: { a: false } } } },
      'servers.a.forwardHeaders must name headers, got false',
    ],
    [{ servers: { a: { ...web, forwardHeaders: ['Host'] } } }, 'servers.a.forwardHeaders must not name Host'],
    [
      { servers: { a: { ...web, forwardHeaders: { a: 'Content-Length' } } } },
      'servers.a.forwardHeaders must not name Content-Length',
    ],
    [
      { servers: { a: { ...web, forwardHeaders: { a: 'Mcp-Session-Id' } } } },
      'servers.a.forwardHeaders must not name Mcp-Session-Id',
    ],
    [
      { servers: { a: { ...web, forwardHeaders: { a: 'x', b: 'X' } } } },
      'servers.a.forwardHeaders must not forward two headers as x',
    ],
    [{ servers: {}, apiKey: '' }, 'apiKey is empty: set the key, or false to let everybody in on purpose'],
    [{ servers: {}, apiKey: undefined }, 'apiKey is undefined: set the key, or false'],
    [
      { servers: { a: { ...stdio, stateful: true } }, authorize: () => true },
      'principal must tell the callers of servers.a apart',
    ],
    [{ servers: {}, apiKey: [] }, 'apiKey must hold at least one key'],
    [{ servers: {}, apiKey: ['ok', 'not ok'] }, 'apiKey[1] must consist of visible ASCII characters'],
    [{ servers: {}, apiKey: 'x', authorize: () => true }, 'authorize must not be given together with apiKey'],
    [{ servers: {}, authorize: true }, 'authorize must be a function, got true'],
    [{ servers: {}, principal: 'x' }, 'principal must be a function, got "x"'],
    [{ servers: {}, allowedOrigins: ['app.example'] }, 'allowedOrigins[0] must be an origin such as'],
    [{ servers: {}, allowedOrigins: ['https://app.example/'] }, 'allowedOrigins[0] must be an origin such as'],
    [{ servers: {}, allowedHosts: 'x' }, 'allowedHosts must be an array of strings'],
    [{ servers: {}, bodyLimit: '1mb' }, 'bodyLimit must be an integer of at least 1, got "1mb"'],
    [{ servers: {}, info: { titel: 'x' } }, 'info.titel is not an option; known are title, version, description'],
    [{ servers: {}, info: { title: '' } }, 'info.title must be a non-empty string'],
    [{ servers: {}, logger: { warn: () => undefined } }, 'logger must have the methods debug, info, warn, error'],
    [{ servers: {}, logger: null }, 'logger must have the methods'],
  ])('%j', (options, message) => {
    expect(() => config(options)).toThrow(ConfigError);
    expect(() => config(options)).toThrow(message);
  });

  it('not a missing key where another says who may call', () => {
    for (const apiKey of ['', undefined]) {
      expect(config({ servers: {}, apiKey }, { MCPO_API_KEY: 'env' }).auth.apiKeys).toEqual(['env']);
      expect(config({ servers: {}, apiKey, authorize: () => true }).auth.apiKeys).toEqual([]);
    }
    const open = config({ servers: {}, apiKey: false }, { MCPO_API_KEY: 'env' }).auth;
    expect(open).toMatchObject({ apiKeys: [], isOpenOnPurpose: true });
  });

  it('an empty key in the environment', () => {
    expect(() => config({ servers: {} }, { MCPO_API_KEY: '' })).toThrow('MCPO_API_KEY must be a non-empty string');
  });

  it('without showing a secret', () => {
    const secrets = [
      { apiKey: 'se cret' },
      { servers: { a: { url: 'ftp://secret' } } },
      { servers: { a: { ...web, headers: { a: 'sec\nret' } } } },
    ];
    for (const options of secrets) {
      let message = '';
      try {
        config({ servers: {}, ...options });
      } catch (error) {
        message = String(error);
      }
      expect(message).toMatch(/^ConfigError: /);
      expect(message).not.toMatch(/se ?c\n?ret/);
    }
  });
});
