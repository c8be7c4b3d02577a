import { BY_HAND, MOUNTED, byHand, calls, mounted, stdio } from '../candidates';
import { call } from '../call';
import { type Comparison, type Finding, ratio } from '../scenario';

const CONNECTIONS = [32, 128];

/** The same call by many at a time, of a tool that takes 20 ms, with nothing kept: how often does it run? */
export const sharedCalls: Comparison = {
  title: 'Shared calls',
  candidates: [mounted(stdio(), { cache: false }), byHand(stdio())],
  connections: CONNECTIONS,
  traffic: calls('wait', 'same', { message: 'hello', ms: 20 }),
  answer: 'hello',
  findings: (measured) => CONNECTIONS.map((connections) => ratio(measured, [MOUNTED, BY_HAND], connections)),
  async after(running, measured) {
    const [ours = NaN, theirs = NaN] = await Promise.all(
      running.map(async ({ url, candidate: { name } }) => {
        const counts: unknown = JSON.parse(await call(`${url}/mcp/bench/executions`, {}));
        // By hand, text stays text.
        const { wait } = (typeof counts === 'string' ? JSON.parse(counts) : counts) as { wait: number };
        const requests = CONNECTIONS.map((connections) => measured(name, connections)?.perSecond ?? NaN);
        return wait / requests.reduce((sum, each) => sum + each, 0);
      }),
    );
    const finding: Finding = {
      what: `executions for each request, ${MOUNTED} / ${BY_HAND}`,
      value: ours / theirs,
      unit: 'x',
      goal: { atMost: 0.1 },
    };
    return [finding];
  },
};
