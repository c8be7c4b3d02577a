import { BY_HAND, MCPO, MOUNTED, PLAIN, byHand, calls, mcpo, mounted, plain, stdio } from '../candidates';
import { type Comparison, type Finding, ratio } from '../scenario';

/** Calls of a tool of which nothing is known, each with arguments of its own: all of them reach the server. */
export const callThrough: Comparison = {
  title: 'Call-through over stdio',
  candidates: [mounted(stdio()), plain(stdio()), byHand(stdio()), mcpo()],
  connections: [1, 8, 32, 128],
  traffic: calls('echo', 'distinct', { message: 'hello %d' }),
  answer: 'hello 7',
  findings: (measured) => {
    const [ours, theirs] = [measured(MOUNTED, 32), measured(MCPO, 32)];
    const p99: Finding | undefined = ours &&
      theirs && {
        what: `p99 of ${MOUNTED} / of ${MCPO}, 32 connections`,
        value: ours.p99 / theirs.p99,
        unit: 'x',
        goal: { atMost: 1 },
      };
    return [
      ...[1, 8, 32, 128].map((connections) => ratio(measured, [MOUNTED, BY_HAND], connections, { atLeast: 0.9 })),
      ratio(measured, [PLAIN, BY_HAND], 32),
      ratio(measured, [MOUNTED, MCPO], 32, { atLeast: 5 }),
      p99,
    ];
  },
};
