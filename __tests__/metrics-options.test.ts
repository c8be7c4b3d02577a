import { Counter, Registry } from 'prom-client';
import { type McpoOptions, mcpoRouter } from '../lib';
import { resolveConfig } from '../lib/config/config';
import { labelsOf, samplesNamed, samplesOf } from './support/exposition';
import { Lab, text } from './support/lab';
import { silent } from './support/loggers';
import { post } from './support/post';
import { serving } from './support/serve';
import { expectRefusal } from './support/settings';

const serve = serving();

const lab = (): { servers: McpoOptions['servers'] } => ({
  servers: { lab: { connect: new Lab().tool('read', () => text('1')).connect } },
});

const OPEN_METRICS = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
/** As Prometheus sends it. */
const PLAIN = 'text/plain;version=0.0.4;q=0.5,*/*;q=0.1';

async function page(url: string, accept = PLAIN): Promise<{ type: string | null; body: string }> {
  const response = await fetch(`${url}/metrics`, { headers: { accept } });
  expect(response.status).toBe(200);
  return { type: response.headers.get('content-type'), body: await response.text() };
}

it('shows what has not happened yet as 0, so that the first time is an increase', async () => {
  const { url } = await serve({ servers: { ...lab().servers, 'so "called"': { connect: new Lab().connect } } });
  const samples = samplesOf((await page(url)).body);
  for (const reason of ['queue_full', 'queue_timeout', 'pool_exhausted', 'breaker_open', 'closing']) {
    expect(samples.get(`mcpo_rejected_total{reason="${reason}"}`)).toBe(0);
  }
  for (const server of ['lab', 'so \\"called\\"']) {
    expect(samples.get(`mcpo_retries_total{server="${server}"}`)).toBe(0);
    for (const reason of ['connect', 'died', 'ping', 'close']) {
      expect(samples.get(`mcpo_connection_errors_total{server="${server}",reason="${reason}"}`)).toBe(0);
    }
  }
});

describe('OpenMetrics', () => {
  it('is for those who ask for it, with the same samples, however often and in whatever order', async () => {
    const { url } = await serve(lab());
    await post(`${url}/lab/read`);
    const plain = await page(url);
    const open = await page(url, OPEN_METRICS);
    expect(plain.type).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(open.type).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(open.body).toMatch(/\n# EOF\n$/);
    expect(open.body).toContain('# TYPE mcpo_tool_requests counter\n');
    expect(plain.body).toContain('# TYPE mcpo_tool_requests_total counter\n');
    const counted = (body: string): unknown => samplesNamed(body, 'mcpo_tool_requests_total');
    expect(counted(plain.body)).toEqual({ '{server="lab",tool="read",outcome="success"}': 1 });
    expect(counted(open.body)).toEqual(counted(plain.body));
    expect(labelsOf(open.body)).toEqual(labelsOf(plain.body));
    expect((await page(url)).body.match(/^# .*$/gm)).toEqual(plain.body.match(/^# .*$/gm));
    expect((await page(url, OPEN_METRICS)).body.match(/^# .*$/gm)).toEqual(open.body.match(/^# .*$/gm));
  });

  it("has the default labels of the host's registry, and leaves its format as it is", async () => {
    const register = new Registry();
    register.setDefaultLabels({ app: 'shop' });
    new Counter({ name: 'orders_total', help: 'Orders.', registers: [register] }).inc();
    const { url } = await serve({ ...lab(), metrics: { register } });
    for (const accept of [OPEN_METRICS, PLAIN, OPEN_METRICS]) {
      const { body } = await page(url, accept);
      expect(body).toContain('orders_total{app="shop"} 1\n');
      expect(body).toContain('mcpo_server_up{server="lab",app="shop"} 1\n');
    }
    expect(register.contentType).toBe(Registry.PROMETHEUS_CONTENT_TYPE);
    expect(await register.metrics()).toContain('# TYPE orders_total counter');
  });
});

describe("the host's registry", () => {
  it('holds two routers with names of their own, and after they are closed what it held before', async () => {
    const register = new Registry();
    new Counter({ name: 'orders_total', help: 'Orders.', registers: [register] }).inc();
    const before = await register.metrics();
    const one = mcpoRouter({ ...lab(), metrics: { register, prefix: 'one_' }, logger: silent });
    const { mcpo: two, url } = await serve({ ...lab(), metrics: { register, prefix: 'two_' } });
    expect([one.registry, two.registry]).toEqual([register, register]);
    await one.ready();
    await post(`${url}/lab/read`);
    const both = await register.metrics();
    expect(samplesNamed(both, 'two_tool_requests_total')).toEqual({
      '{server="lab",tool="read",outcome="success"}': 1,
    });
    expect(samplesNamed(both, 'one_tool_requests_total')).toEqual({});
    expect(samplesNamed(both, 'one_server_up')).toEqual({ '{server="lab"}': 1 });
    await one.close();
    expect(await register.metrics()).not.toContain('one_');
    expect(await register.metrics()).toContain('two_server_up');
    await two.close();
    expect(await register.metrics()).toBe(before);
  });

  it('refuses a second router with the same names, and keeps those of the first', async () => {
    const register = new Registry();
    const { mcpo, url } = await serve({ ...lab(), metrics: { register } });
    const before = register.getMetricsAsArray().length;
    expectRefusal(
      () => mcpoRouter({ ...lab(), metrics: { register } }),
      'metrics.register',
      'has metrics of this name already: give each router a metrics.prefix of its own, got "mcpo_tool_requests_total"',
    );
    expect(register.getMetricsAsArray()).toHaveLength(before);
    await post(`${url}/lab/read`);
    expect(samplesNamed(await register.metrics(), 'mcpo_tool_requests_total')).toEqual({
      '{server="lab",tool="read",outcome="success"}': 1,
    });
    await mcpo.close();
    const again = mcpoRouter({ ...lab(), metrics: { register }, logger: silent });
    await again.close();
    expect(register.getMetricsAsArray()).toEqual([]);
  });

  it('is left as it was when a single name is taken', () => {
    const register = new Registry();
    new Counter({ name: 'mcpo_server_up', help: 'Mine.', registers: [register] });
    expectRefusal(
      () => mcpoRouter({ ...lab(), metrics: { register } }),
      'metrics.register',
      'has metrics of this name already: give each router a metrics.prefix of its own, got "mcpo_server_up"',
    );
    expect(register.getMetricsAsArray().map(({ name }) => name)).toEqual(['mcpo_server_up']);
  });
});

describe("Node's own metrics", () => {
  const hasThem = (body: string): boolean => /^process_cpu_user_seconds_total /m.test(body);

  it.each([
    [undefined, false],
    [false, false],
    [true, true],
  ])('with metrics.defaultMetrics %s are there: %s', async (defaultMetrics, expected) => {
    const { url } = await serve({ ...lab(), metrics: { defaultMetrics } });
    expect(hasThem((await page(url)).body)).toBe(expected);
  });

  it('are those of the host where it has them, and outlive the router where not', async () => {
    const register = new Registry();
    const one = mcpoRouter({ ...lab(), metrics: { register, defaultMetrics: true, prefix: 'one_' }, logger: silent });
    const { url, mcpo } = await serve({ ...lab(), metrics: { register, defaultMetrics: true, prefix: 'two_' } });
    await one.close();
    expect(hasThem((await page(url)).body)).toBe(true);
    await mcpo.close();
    expect(hasThem(await register.metrics())).toBe(true);
  });
});

describe('with an API key', () => {
  it.each(['/metrics', '/metrics?format=json'])('%s needs it', async (path) => {
    const { url } = await serve({ ...lab(), apiKey: 'right' });
    const status = async (key?: string): Promise<number> =>
      (await fetch(url + path, key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } })).status;
    expect([await status(), await status('wrong'), await status('right')]).toEqual([401, 401, 200]);
  });
});

describe('options that cannot work', () => {
  const NAMES = 'must consist of letters, digits, _ and :, and not begin with a digit';
  const text = JSON.stringify;
  it.each<[unknown, string, string]>([
    [{ metrics: null }, 'metrics', 'must be an object, got null'],
    [{ metrics: false }, 'metrics', 'must be an object, got false'],
    [{ metrics: { prefx: 'a_' } }, 'metrics.prefx', 'is not an option; known are prefix, register, defaultMetrics'],
    [{ metrics: { prefix: '' } }, 'metrics.prefix', 'must be a non-empty string'],
    [{ metrics: { prefix: 1 } }, 'metrics.prefix', 'must be a non-empty string'],
    ...['1a', 'a-b_', 'a b', '\u00e9_', 'a\n'].map((prefix): [unknown, string, string] => [
      { metrics: { prefix } },
      'metrics.prefix',
      `${NAMES}, got ${text(prefix)}`,
    ]),
    [{ metrics: { register: {} } }, 'metrics.register', 'must be a Registry of prom-client, got {}'],
    [{ metrics: { register: null } }, 'metrics.register', 'must be a Registry of prom-client, got null'],
    [{ metrics: { defaultMetrics: 1 } }, 'metrics.defaultMetrics', 'must be true or false, got 1'],
    [{ monitor: false }, 'monitor', 'must be an object, got false'],
    [{ monitor: { window: 1 } }, 'monitor.window', 'is not an option; known are windowSize, alerts'],
    ...[0, 1.5, -1, '10', 1_000_001, NaN].map((windowSize): [unknown, string, string] => [
      { monitor: { windowSize } },
      'monitor.windowSize',
      `${windowSize === 1_000_001 ? 'must be at most 1000000' : 'must be an integer of at least 1'}, got ${typeof windowSize === 'number' ? windowSize : text(windowSize)}`,
    ]),
    [
      { monitor: { alerts: { slow: 1 } } },
      'monitor.alerts.slow',
      'is not an option; known are slowSeconds, failingPercent, coldPercent, anomalyFactor',
    ],
    [{ monitor: { alerts: true } }, 'monitor.alerts', 'must be an object or false, got true'],
    [{ monitor: { alerts: null } }, 'monitor.alerts', 'must be an object or false, got null'],
    [{ monitor: { alerts: [] } }, 'monitor.alerts', 'must be an object or false, got []'],
    [
      { monitor: { alerts: { slowSeconds: 0 } } },
      'monitor.alerts.slowSeconds',
      'must be a number above 0, or false, got 0',
    ],
    [
      { monitor: { alerts: { failingPercent: 101 } } },
      'monitor.alerts.failingPercent',
      'must be a number above 0 and at most 100, or false, got 101',
    ],
    [
      { monitor: { alerts: { coldPercent: true } } },
      'monitor.alerts.coldPercent',
      'must be a number above 0 and at most 100, or false, got true',
    ],
    [
      { monitor: { alerts: { anomalyFactor: 1 } } },
      'monitor.alerts.anomalyFactor',
      'must be a number above 1, or false, got 1',
    ],
  ])('%j are refused', (options, path, remedy) => {
    expectRefusal(() => resolveConfig({ servers: {}, ...(options as object) }, {}), path, remedy);
  });

  const VARIABLE = 'MCPO_MONITOR_WINDOW_SIZE';
  it.each([
    ['0', 'must be an integer of at least 1, got "0"'],
    ['ten', 'must be an integer of at least 1, got "ten"'],
    ['1.5', 'must be an integer of at least 1, got "1.5"'],
    ['1000001', 'must be at most 1000000, got 1000001'],
  ])(`a ${VARIABLE} of %s is refused`, (value, remedy) => {
    expectRefusal(() => resolveConfig({ servers: {} }, { [VARIABLE]: value }), VARIABLE, remedy);
  });

  it.each<[string | undefined, number | undefined, number | undefined]>([
    [undefined, undefined, undefined],
    ['', undefined, undefined],
    ['10', undefined, 10],
    ['10', 20, 20],
    [' 1000000 ', undefined, 1_000_000],
  ])(`a ${VARIABLE} of %p and an option of %p come to %p`, (value, windowSize, expected) => {
    const env = value === undefined ? {} : { [VARIABLE]: value };
    expect(resolveConfig({ servers: {}, monitor: { windowSize } }, env).monitor.windowSize).toBe(expected);
  });
});

it('a window of the environment is how many requests are looked at', async () => {
  process.env.MCPO_MONITOR_WINDOW_SIZE = '2';
  const { url, mcpo } = await serve({
    servers: {
      lab: { connect: new Lab().tool('read', ({ args }) => ({ ...text('1'), isError: args.no === 1 })).connect },
    },
  }).finally(() => delete process.env.MCPO_MONITOR_WINDOW_SIZE);
  for (const no of [1, 1, 0, 0]) await post(`${url}/lab/read`, { args: { no } });
  expect(mcpo.monitor.stats('lab/read')).toMatchObject({ total_requests: 4, success_rate: 100 });
});
