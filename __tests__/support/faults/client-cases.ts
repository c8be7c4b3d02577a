import { gzipSync } from 'node:zlib';
import { scripted } from '../stdio';
import { RawClient } from './raw-client';
import type { FaultCase, Site } from './site';
import { OK, type Told } from './told';

/** A fault of a client. */
interface ClientFault {
  readonly name: string;
  readonly told: Told;
  readonly act: (client: RawClient, site: Site) => Promise<Told>;
  /** How many calls of its server may run at a time. */
  readonly maxConcurrent?: number;
  readonly mostMib?: number;
}

const NONE: Told = { status: 'none' };
/** What Node's own HTTP server answers, before anything of this package is asked. */
const BY_NODE = { bad: { status: 400 }, late: { status: 408 } } as const;

const head = (tool: string, length: number, ...more: readonly string[]): string =>
  [
    `POST /faulty/${tool} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Content-Type: application/json',
    `Content-Length: ${length}`,
    ...more,
    '\r\n',
  ].join('\r\n');
const request = (tool: string, args: object, ...more: readonly string[]): string => {
  const body = JSON.stringify(args);
  return head(tool, body.length, ...more) + body;
};
const echo = (text: string, ...more: readonly string[]): string => request('echo', { text }, ...more);

/** Leaves as soon as its call runs, or is waited for. */
const leaveDuring =
  (tool: string) =>
  async (client: RawClient, site: Site): Promise<Told> => {
    client.write(request(tool, {}));
    await site.running(tool, 1);
    client.leave();
    return NONE;
  };

const say =
  (text: string) =>
  async (client: RawClient): Promise<Told> => {
    client.write(text);
    return client.answer();
  };

const DEEP = `{"text":"x","deep":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;

const FAULTS: readonly ClientFault[] = [
  { name: 'vanishes while its call runs', told: NONE, act: leaveDuring('hang') },
  {
    name: 'vanishes while its call waits for a permit',
    told: NONE,
    maxConcurrent: 1,
    async act(client, site) {
      const other = new RawClient(site.url);
      other.write(request('late', { text: 'x', ms: 300 }));
      await site.running('late', 1);
      client.write(request('hang', {}));
      await site.running('hang', 1);
      client.leave();
      await site.running('hang', 0);
      const first = await other.answer();
      return first.status === 200 ? NONE : first;
    },
  },
  {
    name: 'vanishes in the middle of its body',
    told: NONE,
    async act(client) {
      client.write(`${head('echo', 100)}{"text":`);
      await client.drained();
      client.leave();
      return NONE;
    },
  },
  {
    name: 'does not read an answer of 20 MB, and vanishes',
    told: NONE,
    mostMib: 400,
    async act(client, site) {
      client.stopReading();
      client.write(request('big', { megabytes: 20 }));
      await site.running('big', 1);
      await site.running('big', 0);
      client.leave();
      return NONE;
    },
  },
  {
    name: 'sends a byte at a time',
    told: OK,
    async act(client) {
      await client.writeSlowly(echo('slow'), 1);
      return client.answer();
    },
  },
  { name: 'sends half its headers and waits', told: BY_NODE.late, act: say(echo('half').slice(0, 60)) },
  { name: 'sends half its body and waits', told: BY_NODE.late, act: say(`${head('echo', 100)}{"text":`) },
  {
    name: 'pipelines 50 calls',
    told: OK,
    async act(client) {
      client.write(Array.from({ length: 50 }, (_, n) => echo(String(n))).join(''));
      const answers = await client.answers(50);
      client.leave();
      const failed = answers.find(({ status }) => status !== 200);
      return failed ?? { status: answers.length === 50 ? 200 : 'none' };
    },
  },
  {
    name: 'pipelines 50 calls and vanishes',
    told: NONE,
    async act(client, site) {
      client.write(Array.from({ length: 50 }, () => request('hang', {})).join(''));
      await site.running('hang', 1);
      client.leave();
      return NONE;
    },
  },
  { name: 'repeats Content-Length, differently', told: BY_NODE.bad, act: say(echo('x', 'Content-Length: 3')) },
  {
    name: 'sends Content-Length and Transfer-Encoding',
    told: BY_NODE.bad,
    act: say(echo('x', 'Transfer-Encoding: chunked')),
  },
  { name: 'repeats Content-Type, differently', told: OK, act: say(echo('x', 'Content-Type: text/plain')) },
  { name: 'repeats X-Request-Id', told: OK, act: say(echo('x', 'X-Request-Id: a', 'X-Request-Id: b')) },
  {
    name: 'sends headers of 100 KB',
    told: { status: 431 },
    act: say(echo('x', ...Array.from({ length: 100 }, (_, n) => `X-${n}: ${'x'.repeat(1_000)}`))),
  },
  { name: 'sends what is no HTTP', told: BY_NODE.bad, act: say('\u0016\u0003\u0001 hello\r\n\r\n') },
  {
    name: 'sends half of a JSON body',
    told: { status: 400, code: 'MCPO_INVALID_JSON' },
    act: say(`${head('echo', 8)}{"text":`),
  },
  {
    name: 'announces a body of 1 GB',
    told: { status: 413, code: 'MCPO_BODY_TOO_LARGE' },
    act: say(head('echo', 2 ** 30)),
  },
  {
    name: 'sends a gzip bomb of 50 MB',
    told: { status: 413, code: 'MCPO_BODY_TOO_LARGE' },
    async act(client) {
      const bomb = gzipSync(Buffer.alloc(50 * 2 ** 20, ' ')).toString('latin1');
      client.write(head('echo', bomb.length, 'Content-Encoding: gzip') + bomb);
      return client.answer();
    },
  },
  {
    name: 'sends arguments of 100,000 levels',
    told: { status: 422, code: 'MCPO_INVALID_ARGUMENTS' },
    act: say(head('echo', DEEP.length) + DEEP),
  },
];

/** The cases of clients. */
export const CLIENT_CASES: readonly FaultCase[] = FAULTS.map((fault): FaultCase => {
  const { name, told, act, maxConcurrent, mostMib = 150 } = fault;
  const { command, args } = scripted();
  return {
    where: 'client',
    name,
    told,
    takesServer: maxConcurrent === 1,
    recovers: true,
    mostMib,
    serve: async () => ({
      server: { command, args, pool: { minConnections: 1 }, ...(maxConcurrent && { concurrency: { maxConcurrent } }) },
      end: async () => undefined,
    }),
    call: (site) => act(new RawClient(site.url), site),
    requestTimeoutMs: 500,
  };
});
