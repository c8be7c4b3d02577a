import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { until } from '../support/deferred';
import { freePort, promtool } from '../support/prometheus';

const support = path.join(__dirname, '../support');
const example = path.join(__dirname, '../../examples/monitoring/cluster.ts');

describe('the cluster example', () => {
  it('serves the sum of its workers, and ends at Ctrl-C with everything that it has started', async () => {
    const [port, metricsPort] = [await freePort(), await freePort()];
    const preload = ['ts-node/register/transpile-only', path.join(support, 'resolve-self.js')];
    const app = spawn(process.execPath, [...preload.flatMap((module) => ['-r', module]), example], {
      env: { ...process.env, PORT: String(port), METRICS_PORT: String(metricsPort) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      let output = '';
      app.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
      await until(() => output.includes('Metrics of all workers'), 50_000);
      const tool = `http://127.0.0.1:${port}/mcp/everything/get-sum`;
      for (let a = 0; a < 20; a += 1) {
        // Each over a connection of its own, which the workers get in turn.
        const headers = { 'Content-Type': 'application/json', Connection: 'close' };
        const response = await fetch(tool, { method: 'POST', body: JSON.stringify({ a, b: 1 }), headers });
        expect(response.status).toBe(200);
        await response.arrayBuffer();
      }
      const response = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
      const text = await response.text();
      expect(await promtool(['check', 'metrics'], text)).toBe('');
      expect(text).toContain('mcpo_tool_requests_total{server="everything",tool="get-sum",outcome="success"} 20\n');
      expect(text).toContain('mcpo_concurrency_limit 200\n');
      expect(text).toContain('mcpo_server_up{server="everything"} 1\n');

      const ended = once(app, 'exit');
      app.kill('SIGINT');
      expect(await ended).toEqual([0, null]);
      await expect(fetch(tool, { method: 'POST' })).rejects.toThrow('fetch failed');
    } finally {
      app.kill('SIGKILL');
    }
  }, 60_000);
});
