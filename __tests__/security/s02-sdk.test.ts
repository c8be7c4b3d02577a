import { readFileSync } from 'node:fs';
import path from 'node:path';
import { until } from '../support/deferred';
import { GatedLab } from '../support/gated-lab';
import { Lab, text } from '../support/lab';
import { caller, post } from '../support/post';
import { serving } from '../support/serve';

const serve = serving();

describe('S2: the MCP SDK', () => {
  it('is none of those that mix up callers (before 1.26.0), neither by the peer range nor here', () => {
    const read = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));
    const { peerDependencies } = read(path.join(__dirname, '../../package.json')) as {
      readonly peerDependencies: Readonly<Record<string, string>>;
    };
    const sdk = path.join(
      path.dirname(require.resolve('@modelcontextprotocol/sdk/package.json')),
      '../../package.json',
    );
    const { version } = read(sdk) as { readonly version: string };
    for (const lowest of [peerDependencies['@modelcontextprotocol/sdk'] ?? '', version]) {
      const [, major, minor] = /^\^?(\d+)\.(\d+)\.\d+$/.exec(lowest) ?? [];
      expect([lowest, Number(major), Number(minor) >= 26]).toEqual([lowest, 1, true]);
    }
  });

  it('has one client for each transport: every connection shakes hands by itself', async () => {
    const lab = new Lab().tool('a', () => text('1'));
    const pool = { minConnections: 3, maxConnections: 3 };
    const { mcpo } = await serve({ servers: { lab: { connect: lab.connect } }, pool });
    await until(() => mcpo.stats.servers.lab?.connections === 3);
    expect(lab.sent.filter((message) => message.includes('"method":"initialize"'))).toHaveLength(3);
    expect(lab.servers.size).toBe(3);
  });

  it('cancels the call of who leaves and no other, though all go over one connection', async () => {
    const cancelled: unknown[] = [];
    const lab = new Lab().tool('wait', ({ args, signal }) => {
      return new Promise((resolve) => {
        if (args.n === 1) answers.push(() => resolve(text('stayed')));
        signal.addEventListener('abort', () => cancelled.push(args.n));
      });
    });
    const answers: (() => void)[] = [];
    const pool = { minConnections: 1, maxConnections: 1 };
    const { url } = await serve({ servers: { lab: { connect: lab.connect } }, pool });
    const staying = post(`${url}/lab/wait`, { args: { n: 1 } });
    const leaving = caller(`${url}/lab/wait`, { args: { n: 2 } });
    await until(() => lab.runs.get('wait') === 2);
    leaving.leave();
    await until(() => cancelled.length > 0);
    for (const answer of answers) answer();
    expect((await staying).body).toBe('stayed');
    expect([await leaving.answer, cancelled]).toEqual([undefined, [2]]);
  });

  it('ends a shared call only when the last who waits for it has left', async () => {
    const gated = new GatedLab().tool('read', { readOnlyHint: true });
    const { url, mcpo } = await serve({ servers: { lab: gated.server } });
    const [first, second] = [caller(`${url}/lab/read`), caller(`${url}/lab/read`)];
    await until(() => mcpo.stats.running === 2);
    first.leave();
    await until(() => mcpo.stats.running === 1);
    gated.openAll();
    expect((await second.answer)?.status).toBe(200);
    expect(gated.begun).toBe(1);
  });
});
