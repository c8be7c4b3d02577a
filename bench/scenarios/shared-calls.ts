import { BY_HAND, MOUNTED, byHand, calls, mounted, stdio } from '../candidates';
import { call } from '../call';
import { type Comparison, type Finding, ratio } from '../scenario';

/** The same call by many at a time, of a tool that takes 20 ms, with nothing kept: how often does it run? */
export const sharedCalls: Comparison = {
  title: 'Shared calls',
  candidates: [mounted(stdio(), { cache: false }), byHand(stdio())],
  connections: [32, 128],
  traffic: calls('wait', 'same', { message: 'hello', ms: 20 }),
  answer: 'hello',
  findings: (measured) => [32, 128].map((connections) => ratio(measured, [MOUNTED, BY_HAND], connections)),
  async after(running) {
    const executions = await Promise.all(
      running.map(async ({ url }) => {
        const { body } = await call(`${url}/mcp/bench/executions`, {});
        // By hand, text stays text.
        const counts: unknown = JSON.parse(body);
        return ((typeof counts === 'string' ? JSON.parse(counts) : counts) as { wait: number }).wait;
      }),
    );
    const [ours = NaN, theirs = NaN] = executions;
    const finding: Finding = {
      what: `executions of the tool, ${MOUNTED} / ${BY_HAND}`,
      value: ours / theirs,
      unit: 'x',
      goal: { atMost: 0.1 },
    };
    return [finding];
  },
};
