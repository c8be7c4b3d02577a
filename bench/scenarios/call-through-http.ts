import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { BY_HAND, HTTP_SERVER, MOUNTED, byHand, calls, mounted } from '../candidates';
import { type Comparison, type Experiment, ratio } from '../scenario';
import { compare } from '../compare';

/** The same over streamable HTTP, whose server runs beside the candidates. */
export const callThroughHttp: Experiment = {
  title: 'Call-through over streamable HTTP',
  async run() {
    const server: ChildProcess = fork(HTTP_SERVER);
    const [{ port }] = (await once(server, 'message')) as [{ port: number }];
    try {
      return await compare(comparison(`http://127.0.0.1:${port}/mcp`));
    } finally {
      server.disconnect();
    }
  },
};

function comparison(url: string): Comparison {
  return {
    title: 'Call-through over streamable HTTP',
    candidates: [mounted({ type: 'streamable-http', url }), byHand({ url })],
    connections: [1, 8, 32, 128],
    traffic: calls('echo', 'distinct', { message: 'hello %d' }),
    answer: 'hello 7',
    findings: (measured) =>
      [8, 32, 128].map((connections) => ratio(measured, [MOUNTED, BY_HAND], connections, { atLeast: 2 })),
  };
}
