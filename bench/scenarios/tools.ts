import type { Running } from '../candidate';
import { calls, mounted, stdio } from '../candidates';
import { call } from '../call';
import { type Comparison, type Finding, ratio } from '../scenario';

const MANY = 5_000;
const nameOf = (count: number): string => `${count} tool${count === 1 ? '' : 's'}`;
const candidate = (count: number): ReturnType<typeof mounted> =>
  mounted({ ...stdio(count - 1), tools: { include: ['read', 'read_*'] } }, {}, nameOf(count));

/** Many tools must cost neither time nor much memory. */
export const tools: Comparison = {
  title: '1, 100 and 5,000 tools',
  candidates: [1, 100, MANY].map(candidate),
  connections: [32],
  traffic: calls('read', 'same', { message: 'hello' }),
  answer: 'hello',
  findings: (measured) => [
    ratio(measured, [nameOf(100), nameOf(1)], 32),
    ratio(measured, [nameOf(MANY), nameOf(1)], 32, { atLeast: 0.95 }),
  ],
  async after(running) {
    const [few, , many] = running;
    if (!few || !many) return [];
    // A tool that has been called takes more: its check has been compiled, and it is measured.
    for (let n = 1; n < MANY; n++) await call(`${many.url}/mcp/bench/read_${n}`, { message: 'hello' });
    const schema = JSON.stringify({ name: 'read_1000', inputSchema: { type: 'object' } }).length;
    const bytes = ((await heap(many)) - (await heap(few))) / MANY - schema;
    const finding: Finding = {
      what: 'memory of a tool that has been called, its result included',
      value: bytes / 1_024,
      unit: 'KiB',
      goal: { atMost: 20 },
    };
    return [finding];
  },
};

async function heap({ usage }: Running): Promise<number> {
  return (await usage('heap'))?.heap ?? NaN;
}
