import { SHARES, fuzz, scaled } from '../support/fuzz';
import { faultOf } from '../support/fuzz-answers';
import { type RawCase, rawCase } from '../support/fuzz-bytes';
import { rigs } from '../support/fuzz-rig';
import { inExpress5, inPlainHttp } from '../support/hosts';
import { type RawAnswer, answersIn, exchange } from '../support/raw-bytes';

const BATCH = 10;
const HOSTS = [inExpress5, inPlainHttp];
// An answer and a half on each at least: some have no sound request to begin with.
const CONNECTIONS = SHARES.bytes.requests / HOSTS.length / 1.5;
/** What `node:http` itself says, before any handler hears of a request. */
const BY_NODE = new Set([400, 408, 413, 417, 431]);

describe.each(HOSTS)('in $name', (host) => {
  const rig = rigs(host);

  it('bytes of all kinds on a connection get whole answers and harm nobody', async () => {
    const it = await rig();
    const { port, pathname } = new URL(it.url);
    const inputSchema = { type: 'object' };
    const tools = [
      { name: 'echo', inputSchema },
      { name: 'read', inputSchema, annotations: { readOnlyHint: true } },
    ];
    it.server.onCall = (_name, args) => ({ result: { content: [], structuredContent: args } });
    await it.list(
      () => ({ tools }),
      () => 'fuzz/read' in it.mcpo.stats.tools,
    );
    const seen: Record<number, number> = {};
    let answered = 0;

    async function one({ chunks, isWhole, methods }: RawCase): Promise<void> {
      const prefixed = pathname === '/' ? chunks : [mounted(Buffer.concat(chunks), pathname)];
      const answers = answersIn(await exchange(Number(port), prefixed, isWhole), methods.includes('HEAD'));
      answered += answers.length;
      for (const answer of answers) {
        seen[answer.status] = (seen[answer.status] ?? 0) + 1;
        const fault = faultOfRaw(answer, methods.includes('HEAD') && answer.body.length === 0);
        if (fault !== undefined) throw new Error(`${fault}: ${answer.body.toString().slice(0, 500)}`);
      }
      if (isWhole && answers.length < methods.length && answers.at(-1)?.headers.connection !== 'close') {
        throw new Error(`${answers.length} answers for ${methods.length} requests`);
      }
    }

    await fuzz(`bytes in ${host.name}`, rawCase, { cases: CONNECTIONS, batch: BATCH }, async (batch) => {
      await Promise.all(
        batch.map(async (each) =>
          one(each).catch((error: unknown) => {
            throw new Error(
              `${String(error)}\nto ${JSON.stringify(Buffer.concat(each.chunks).toString('latin1').slice(0, 3_000))}`,
            );
          }),
        ),
      );
      // It serves others as before.
      const { status, body } = await it.send({ path: '/fuzz/echo', body: '{"a":1}' });
      expect([status, body.toString()]).toEqual([200, '{"a":1}']);
    });
    await it.check(new Set(['echo', 'read', 'unknown']));
    answered += it.client.answered;
    process.stdout.write(`fuzz bytes in ${host.name}: ${answered} requests, ${JSON.stringify(seen)}\n`);
    expect(answered).toBeGreaterThanOrEqual(scaled(SHARES.bytes.requests / HOSTS.length));
    expect(seen[200]).toBeGreaterThan(answered / 50);
  }, 300_000);
});

/** The same requests for a router that is mounted below a path. */
function mounted(bytes: Buffer, path: string): Buffer {
  const text = bytes.toString('latin1').replace(/(^|\n|\}|\r)([A-Z]{3,7}) \//g, `$1$2 ${path}/`);
  return Buffer.from(text, 'latin1');
}

/** What is wrong with an answer of the router; those of Node and of the host have a form of their own. */
function faultOfRaw(answer: RawAnswer, isHead: boolean): string | undefined {
  const { status, headers, body } = answer;
  const isOurs = headers['x-request-id'] !== undefined;
  if (!isOurs) return BY_NODE.has(status) || status === 404 ? undefined : `status ${status} from elsewhere`;
  if (status === 500) return 'a 500';
  const isPage = status === 200 && !/json/.test(headers['content-type'] ?? '');
  const isUnavailable = status === 503 && headers['content-type'] === 'application/json';
  return isPage || isUnavailable || status === 304 ? undefined : faultOf({ status, headers, body }, isHead);
}
