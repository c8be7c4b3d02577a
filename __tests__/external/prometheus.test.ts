import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Quickstart, quickstart } from '../../examples/quickstart/server';
import { until } from '../support/deferred';
import { Prometheus, type Sample, promtool } from '../support/prometheus';

const folder = path.join(__dirname, '../../examples/monitoring');
const read = (name: string): string => readFileSync(path.join(folder, name), 'utf8');

/** The metrics that there are, by their type. */
const METRICS = {
  counter: [
    'mcpo_tool_requests_total',
    'mcpo_cache_requests_total',
    'mcpo_cache_evictions_total',
    'mcpo_shared_calls_total',
    'mcpo_rejected_total',
    'mcpo_unchecked_calls_total',
    'mcpo_connection_errors_total',
    'mcpo_retries_total',
    'mcpo_store_errors_total',
  ],
  gauge: [
    'mcpo_cache_entries',
    'mcpo_cache_bytes',
    'mcpo_concurrency_limit',
    'mcpo_concurrency_in_flight',
    'mcpo_concurrency_waiting',
    'mcpo_pool_connections',
    'mcpo_pool_waiting',
    'mcpo_breaker_state',
    'mcpo_buffered_bytes',
    'mcpo_server_up',
    'mcpo_server_unsettled',
    'mcpo_store_up',
  ],
  histogram: ['mcpo_tool_request_duration_seconds', 'mcpo_tool_upstream_duration_seconds', 'mcpo_queue_wait_seconds'],
};

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly datasource?: { readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
}

const dashboard = JSON.parse(read('grafana-dashboard.json')) as {
  readonly title: string;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] };
};

/** The queries of the dashboard's panels, as Grafana sends them when everything is selected. */
const queries = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }) => [
    title,
    expr.replaceAll('$__rate_interval', '1m').replace(/\$(?:job|instance|server|tool)\b/g, '.*'),
  ]),
) as [string, string][];

describe('promtool accepts', () => {
  it('the configuration', async () => {
    expect(await promtool(['check', 'config', path.join(folder, 'prometheus.yml')])).toContain('is valid prometheus');
  });

  it.each(['recording', 'alerts'])('the rules of %s.yml, with nothing to say about them', async (name) => {
    const file = path.join(folder, `rules/${name}.yml`);
    const output = await promtool(['check', 'rules', '--lint=all', '--lint-fatal', file]);
    expect(output).toMatch(/^Checking .*\n {2}SUCCESS: \d+ rules found\n*$/);
  });

  it('every query of the dashboard', async () => {
    const rules = queries.map(([, expr], index) => ({ record: `panel:query${index}`, expr }));
    // JSON is YAML too.
    const file = path.join(await temporary(), 'queries.yml');
    await writeFile(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
    expect(await promtool(['check', 'rules', file])).toContain(`${queries.length} rules found`);
  });
});

describe('the alerts', () => {
  const alerts = [...read('rules/alerts.yml').matchAll(/- alert: (\w+)/g)].map(([, name = '']) => name);

  it('fire and clear', async () => {
    expect(await promtool(['test', 'rules', path.join(folder, 'rules/tests.yml')])).toContain('SUCCESS');
  });

  it.each(alerts)('%s is expected to fire, and later not to', (alert) => {
    const expected = read('rules/tests.yml')
      .split(/^ {2}- name: /m)
      .map((test) => [...test.matchAll(/alertname: (\w+),?\s+eval_time: \d+m(, exp_alerts: \[\])?/g)])
      .map((found) =>
        found.filter(([, name]) => name === alert).map(([, , none]) => (none === undefined ? 'fires' : 'quiet')),
      )
      .map((states) => states.join(' '));
    expect(expected).toContainEqual(expect.stringMatching(/fires quiet$/));
  });

  it.each(alerts)('%s names a part of the troubleshooting page that is there', (alert) => {
    const rule = read('rules/alerts.yml').split(`- alert: ${alert}\n`)[1] ?? '';
    const [, anchor] = /runbook: docs\/troubleshooting\.md#(\S+)/.exec(rule) ?? [];
    const headings = [...read('../../docs/troubleshooting.md').matchAll(/^#+ (.+)$/gm)].map(([, text = '']) =>
      text.toLowerCase().replaceAll(' ', '-'),
    );
    expect(headings).toContain(anchor);
  });
});

describe('the metrics that are used', () => {
  const { counter, gauge, histogram } = METRICS;
  const series = [
    ...counter,
    ...gauge,
    ...histogram.flatMap((name) => ['_bucket', '_sum', '_count'].map((end) => name + end)),
  ];
  const used = (text: string): string[] => text.match(/(?<![\w:])mcpo_\w+(?!:)\b/g) ?? [];

  it.each(['rules/recording.yml', 'rules/alerts.yml', 'rules/tests.yml', 'grafana-dashboard.json'])(
    'by %s are those that there are',
    (name) => {
      expect(used(read(name)).length).toBeGreaterThan(5);
      expect(used(read(name)).filter((metric) => !series.includes(metric))).toEqual([]);
    },
  );

  it('by the alerts of rules are recorded', () => {
    const recorded = [...read('rules/recording.yml').matchAll(/record: (\S+)/g)].map(([, name]) => name);
    const asked = read('rules/alerts.yml').match(/\b[a-z_]+:mcpo_\w+:\w+/g) ?? [];
    expect(asked.length).toBeGreaterThan(5);
    expect(asked.filter((name) => !recorded.includes(name))).toEqual([]);
  });

  it('by the dashboard are all but the parts of histograms that it need not show', () => {
    const shown = new Set(used(read('grafana-dashboard.json')).map((name) => name.replace(/_bucket$/, '')));
    expect([...counter, ...gauge, ...histogram].filter((name) => !shown.has(name))).toEqual([]);
  });
});

describe('the dashboard', () => {
  it('can be imported: it asks for a data source, and each panel takes that', () => {
    expect(dashboard).toMatchObject({ title: 'express-mcpo', schemaVersion: 38 });
    expect(dashboard.templating.list).toContainEqual(
      expect.objectContaining({ name: 'datasource', type: 'datasource', query: 'prometheus' }),
    );
    const sources = dashboard.panels.flatMap(({ datasource, targets = [] }) => [
      ...(datasource ? [datasource.uid] : []),
      ...targets.map((target) => target.datasource.uid),
    ]);
    expect(new Set(sources)).toEqual(new Set(['${datasource}']));
  });

  it('has panels of their own number and place', () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)}:${y + Math.floor(index / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBe(24);
  });
});

describe('a Prometheus that watches the quickstart', () => {
  const KEY = 'a-key-of-this-test';
  const LOAD = [
    {
      tool: 'everything/echo',
      args: (n: number) => ({ message: `message ${n % 20}` }),
      calls: 150,
      outcome: 'success',
    },
    { tool: 'everything/get-sum', args: (n: number) => ({ a: n, b: 1 }), calls: 80, outcome: 'success' },
    { tool: 'everything/get-sum', args: () => ({ a: 'one' }), calls: 12, outcome: 'invalid_arguments' },
    { tool: 'files/list_directory', args: () => ({ path: '.' }), calls: 60, outcome: 'success' },
    { tool: 'files/read_text_file', args: () => ({ path: 'missing.txt' }), calls: 9, outcome: 'tool_error' },
    { tool: 'web/get-sum', args: (n: number) => ({ a: n, b: 2 }), calls: 40, outcome: 'success' },
  ];
  const total = LOAD.reduce((sum, { calls }) => sum + calls, 0);
  let app: Quickstart;
  let prometheus: Prometheus;

  const headers = { Authorization: `Bearer ${KEY}` };
  const call = async (tool: string, args: object): Promise<void> => {
    const init = {
      method: 'POST',
      body: JSON.stringify(args),
      headers: { ...headers, 'Content-Type': 'application/json' },
    };
    await (await fetch(`${app.url}/mcp/${tool}`, init)).arrayBuffer();
  };

  beforeAll(async () => {
    process.env.MCPO_API_KEY = KEY;
    app = await quickstart(0);
    delete process.env.MCPO_API_KEY;
    const place = await temporary();
    await writeFile(path.join(place, 'key'), KEY);
    // The example, with the lines about the key, nearer to the app and in more of a hurry.
    const config = read('prometheus.yml')
      .replace(/^ {4}# (authorization:| {2}credentials_file:.*)$/gm, '    $1')
      .replace('/etc/prometheus/mcpo-api-key', path.join(place, 'key'))
      .replace('127.0.0.1:8000', new URL(app.url).host)
      .replaceAll('- rules/', `- ${folder}/rules/`)
      .replaceAll('15s', '250ms');
    const file = path.join(place, 'prometheus.yml');
    await writeFile(file, config);
    prometheus = await Prometheus.start(file);
    const calls = LOAD.flatMap(({ tool, args, calls: count }) =>
      Array.from({ length: count }, (_, n) => () => call(tool, args(n))),
    );
    while (calls.length > 0) await Promise.all(calls.splice(0, 16).map((begin) => begin()));
  }, 60_000);
  afterAll(async () => {
    await prometheus.end();
    await app.close();
  });

  it('finds it up', async () => {
    await until(async () => (await prometheus.value('up{job="mcpo"}')) === 1);
  });

  it('has counted the calls that were made, each as it ended', async () => {
    await until(async () => (await prometheus.value('sum(mcpo_tool_requests_total)')) === total);
    const counted = await prometheus.query('mcpo_tool_requests_total');
    const sent = LOAD.map(({ tool, outcome, calls }) => `${tool} ${outcome}: ${calls}`);
    expect(
      counted
        .map(
          ({ metric: { server, tool, outcome }, value }) => `${server ?? ''}/${tool ?? ''} ${outcome ?? ''}: ${value}`,
        )
        .sort(),
    ).toEqual(sent.sort());
    expect(await prometheus.value('sum(mcpo_tool_request_duration_seconds_count)')).toBe(total);
    expect(await prometheus.query('mcpo_server_up == 1')).toHaveLength(3);
  });

  it('can work out every rule, and raises no alert', async () => {
    await until(async () => (await prometheus.rules()).every(({ health }) => health === 'ok'));
    expect((await prometheus.rules()).filter(({ state }) => state === 'firing')).toEqual([]);
    // What its callers did wrong is no failure of a tool.
    const failing = (): Promise<readonly Sample[]> => prometheus.query('server_tool:mcpo_tool_failures:rate5m');
    await until(async () => (await failing()).length > 0);
    expect(await failing()).toMatchObject([{ metric: { server: 'files', tool: 'read_text_file' } }]);
  });

  it('has something to show in each panel, but for what has not happened', async () => {
    // The quickstart shares no store.
    const quiet = ['Rejected', 'Retries', 'Connection errors', 'Shared store up', 'Shared store errors'];
    for (const [title, expr] of queries) {
      const hasData = async (): Promise<boolean> => (await prometheus.query(expr)).length > 0;
      if (!quiet.includes(title)) await until(hasData).catch(() => Promise.reject(new Error(`${title}: ${expr}`)));
    }
  });

  it('would find no fault in the text, nor does promtool', async () => {
    const response = await fetch(`${app.url}/mcp/metrics`, { headers });
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      expect.stringContaining('text/plain'),
    ]);
    const text = await response.text();
    expect(await promtool(['check', 'metrics'], text)).toBe('');
    const types = Object.entries(METRICS).flatMap(([type, names]) => names.map((name) => `# TYPE ${name} ${type}`));
    expect(text.match(/^# TYPE mcpo_.*$/gm)?.sort()).toEqual(types.sort());
  });
});

const places: string[] = [];
async function temporary(): Promise<string> {
  const place = await mkdtemp(path.join(tmpdir(), 'mcpo-'));
  places.push(place);
  return place;
}
afterAll(() => Promise.all(places.map((place) => rm(place, { recursive: true }))));
