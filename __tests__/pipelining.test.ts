import type { IncomingMessage } from 'node:http';
import { deferred } from './support/deferred';
import { rigs } from './support/fuzz-rig';
import { inPlainHttp } from './support/hosts';
import { answersIn, exchange } from './support/raw-bytes';

const rig = rigs(inPlainHttp);

it('a request that follows on another without waiting, and expects to be told to continue, has a whole answer', async () => {
  const called = deferred<boolean>();
  // The first is let in when the second has its result.
  const authorize = ({ headers }: IncomingMessage): boolean | Promise<boolean> =>
    headers['x-turn'] === 'first' ? called.promise : true;
  const it = await rig({ authorize });
  await it.list(
    () => ({ tools: [{ name: 'echo', inputSchema: { type: 'object' } }] }),
    () => 'fuzz/echo' in it.mcpo.stats.tools,
  );
  it.server.onCall = (_name, structuredContent) => {
    setTimeout(() => {
      called.resolve(true);
    }, 50);
    return { result: { content: [], structuredContent } };
  };
  const head = 'POST /fuzz/echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 7\r\n';
  const requests = `${head}X-Turn: first\r\n\r\n{"a":1}${head}Expect: 100-continue\r\nConnection: close\r\n\r\n{"a":2}`;
  const answers = answersIn(await exchange(Number(new URL(it.url).port), [Buffer.from(requests)], true), false);
  expect(answers.map(({ status, body }) => [status, body.toString()])).toEqual([
    [200, '{"a":1}'],
    [200, '{"a":2}'],
  ]);
});
