import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import { ExampleProcess } from '../support/example-process';
import { Ledger } from '../support/ledger';
import { freePort } from '../support/prometheus';
import { RedisServer } from '../support/redis-server';

interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: object;
}
interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}
interface Container {
  readonly args?: string[];
  readonly env: Variable[];
  readonly ports: { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
  readonly lifecycle: { readonly preStop: { readonly exec: { readonly command: string[] } } };
}
interface Template {
  readonly metadata: { readonly labels: object; readonly annotations: Readonly<Record<string, string>> };
  readonly spec: { readonly terminationGracePeriodSeconds: number; readonly containers: Container[] };
}
interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data: Readonly<Record<string, string>>;
  readonly spec: {
    readonly selector: Readonly<Record<string, unknown>>;
    readonly template: Template;
    readonly ports: { readonly port: number; readonly targetPort: string }[];
    readonly podSelector: object;
    readonly scaleTargetRef: object;
    readonly minReplicas: number;
    readonly maxUnavailable: number;
    readonly ingress: { readonly from: unknown[] }[];
  };
}

const file = path.join(__dirname, '../../examples/cluster/kubernetes.yaml');
const documents = parseAllDocuments(readFileSync(file, 'utf8'), { uniqueKeys: true });
const manifests = documents.map((document) => document.toJS() as Manifest);

function manifest(kind: string, name = 'mcpo'): Manifest {
  const found = manifests.filter((each) => each.kind === kind && each.metadata.name === name);
  expect(found).toHaveLength(1);
  return found[0] as Manifest;
}
const template = (name?: string): Template => manifest('Deployment', name).spec.template;
const container = (name?: string): Container => template(name).spec.containers[0] as Container;
const portOf = (name: string, of?: string): number | undefined =>
  container(of).ports.find((port) => port.name === name)?.containerPort;
const variable = (name: string): Variable | undefined => container().env.find((each) => each.name === name);

it('all documents are YAML, and of the kinds that a cluster knows', () => {
  expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
  expect(manifests.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`).sort()).toEqual([
    'apps/v1 Deployment',
    'apps/v1 Deployment',
    'autoscaling/v2 HorizontalPodAutoscaler',
    'networking.k8s.io/v1 NetworkPolicy',
    'policy/v1 PodDisruptionBudget',
    'v1 ConfigMap',
    'v1 Service',
    'v1 Service',
  ]);
});

it('they refer to each other', () => {
  for (const name of ['mcpo', 'mcpo-valkey']) {
    const { labels } = template(name).metadata;
    expect(manifest('Deployment', name).spec.selector).toEqual({ matchLabels: labels });
    const service = manifest('Service', name).spec;
    expect(service.selector).toEqual(labels);
    for (const { targetPort } of service.ports) expect(portOf(targetPort, name)).toEqual(expect.any(Number));
  }
  const { labels } = template().metadata;
  const valkey = manifest('Service', 'mcpo-valkey');
  expect(variable('REDIS_URL')?.value).toBe(`redis://${valkey.metadata.name}:${valkey.spec.ports[0]?.port}`);
  expect(manifest('HorizontalPodAutoscaler').spec.scaleTargetRef).toEqual({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    name: 'mcpo',
  });
  const budget = manifest('PodDisruptionBudget').spec;
  expect(budget.selector).toEqual({ matchLabels: labels });
  expect(manifest('HorizontalPodAutoscaler').spec.minReplicas).toBeGreaterThan(budget.maxUnavailable);
  const policy = manifest('NetworkPolicy', 'mcpo-valkey').spec;
  expect(policy.podSelector).toEqual({ matchLabels: template('mcpo-valkey').metadata.labels });
  expect(policy.ingress[0]?.from).toEqual([{ podSelector: { matchLabels: labels } }]);
  const servers = manifest('ConfigMap', 'mcpo-servers');
  expect(variable('MCP_SERVERS')?.valueFrom).toEqual({
    configMapKeyRef: { name: 'mcpo-servers', key: Object.keys(servers.data)[0] },
  });
  expect(JSON.parse(Object.values(servers.data)[0] ?? '')).toEqual(expect.any(Object));
  // Redis has no file to write to, and room to spare under the limit on its pod.
  expect(container('mcpo-valkey').args).toEqual(expect.arrayContaining(['--save', '', '--maxmemory', 'allkeys-lru']));
});

it('a pod has time to drain before it is killed', () => {
  const [command, seconds] = container().lifecycle.preStop.exec.command;
  expect(command).toBe('sleep');
  const drainSeconds = 10;
  expect(template().spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(Number(seconds) + drainSeconds + 5);
});

it('the app, started as they say, answers the probes and Prometheus where they ask', async () => {
  const redis = await RedisServer.start();
  const ledger = new Ledger('light-ledger.js');
  // Where they say a port of the pod, the test has one of this machine.
  const ours = new Map<number | undefined, number>([
    [portOf('http'), await freePort()],
    [portOf('metrics'), await freePort()],
  ]);
  const key = 'key-of-a-test';
  const settings = container().env.map(({ name, value }) => [name, ours.get(Number(value)) ?? value ?? '']);
  const app = new ExampleProcess('app.ts', {
    ...(Object.fromEntries(settings) as Record<string, string>),
    MCPO_API_KEY: key,
    MCP_SERVERS: JSON.stringify({ ledger: { ...ledger.server, pool: { minConnections: 1 } } }),
    REDIS_URL: `redis://127.0.0.1:${redis.port}`,
  });
  try {
    await app.says('listens');
    for (const { httpGet } of [container().startupProbe, container().readinessProbe, container().livenessProbe]) {
      const probed = await fetch(`http://127.0.0.1:${ours.get(portOf(httpGet.port))}${httpGet.path}`);
      expect([httpGet.path, probed.status]).toEqual([httpGet.path, 200]);
    }
    expect(container().readinessProbe.httpGet.path).toMatch(/\/health\/ready$/);
    expect(container().livenessProbe.httpGet.path).toMatch(/\/health\/live$/);

    const tool = `http://127.0.0.1:${ours.get(portOf('http'))}/mcp/ledger/read`;
    const call = (headers: Record<string, string>): Promise<Response> => {
      const body = JSON.stringify({ op: 'one', delayMs: 0 });
      return fetch(tool, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });
    };
    expect((await call({})).status).toBe(401);
    expect((await call({ authorization: `Bearer ${key}` })).status).toBe(200);

    const { annotations } = template().metadata;
    expect(annotations['prometheus.io/scrape']).toBe('true');
    const port = ours.get(Number(annotations['prometheus.io/port']));
    const metrics = await fetch(`http://127.0.0.1:${port}${annotations['prometheus.io/path']}`);
    const text = await metrics.text();
    expect(text).toContain('mcpo_tool_requests_total{server="ledger",tool="read",outcome="success"} 1\n');
    expect(text).toContain('mcpo_store_up{store="cache:default"} 1\n');
    expect(await app.end()).toEqual([0, null]);
  } finally {
    await app.end();
    await redis.end();
    ledger.remove();
  }
}, 60_000);
