import { labelsOf } from '../support/exposition';
import { Lab, text } from '../support/lab';
import { post } from '../support/post';
import { serving } from '../support/serve';

const serve = serving();

describe('S13: labels of metrics', () => {
  it('are servers, tools and outcomes from closed lists: nothing that a caller sends becomes one', async () => {
    const lab = new Lab().tool('good', () => text('result-x'));
    const { url } = await serve({ servers: { lab: { connect: lab.connect } }, principal: () => 'principal-x' });
    const headers = {
      'X-Request-Id': 'id-x',
      'X-MCPO-Session': 'session-x',
      'User-Agent': 'agent-x',
      Authorization: 'Bearer key-x',
    };
    for (const path of ['/lab/good', '/lab/tool-x', '/server-x/good', '/lab/good?query-x']) {
      await post(url + path, { args: { a: 'argument-x' }, headers });
    }
    const exposed = await (await fetch(`${url}/metrics`)).text();
    expect(exposed).not.toMatch(/-x/);
    const names = new Set([...labelsOf(exposed)].map((label) => label.split(' ')[1]?.split('=')[0]));
    const known = [
      'server',
      'tool',
      'outcome',
      'le',
      'quantile',
      'cache',
      'result',
      'reason',
      'state',
      'from',
      'to',
      'evicted',
      'name',
    ];
    expect([...names].filter((name) => !known.includes(name ?? ''))).toEqual([]);
    expect(exposed).toContain('tool="unknown"');
  });

  // Ten thousand random paths: `metrics-labels.test.ts`.
});
