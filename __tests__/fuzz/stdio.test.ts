import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { mcpoRouter } from '../../lib';
import { SHARES, fuzz, scaled } from '../support/fuzz';
import { faultOf } from '../support/fuzz-answers';
import { FuzzClient } from '../support/fuzz-client';
import { result } from '../support/fuzz-results';
import { inPlainHttp } from '../support/hosts';
import { silent } from '../support/loggers';
import { expectedOf, isDeep } from '../support/reference-result';
import { json } from '../support/fuzz-values';

const SERVER = join(__dirname, '../support/servers/verbatim.js');
const MAX_BODY_BYTES = 1024 * 1024;

/** The rest of an answer: mostly a result, else anything. */
const answer = fc.oneof(
  { weight: 8, arbitrary: result.map((value) => ({ jsonrpc: '2.0', result: value })) },
  { weight: 1, arbitrary: json.map((value) => ({ jsonrpc: value, result: { content: [] } })) },
  { weight: 1, arbitrary: fc.tuple(json, json).map(([error, extra]) => ({ jsonrpc: '2.0', error, extra })) },
);

it('answers of all kinds of a child process are translated, or told to be nonsense', async () => {
  const { answers } = SHARES.stdio;
  const child = { command: process.execPath, args: [SERVER], timeoutMs: 10_000 };
  const mcpo = mcpoRouter({ servers: { child }, logger: silent });
  const mounted = await inPlainHttp.mount(mcpo);
  const client = new FuzzClient(mounted.url);
  const seen: Record<number, number> = {};
  try {
    await mcpo.ready();
    await fuzz('stdio', answer, { cases: answers * 1.1, batch: 10 }, async (batch) => {
      await Promise.all(
        batch.map(async (said) => {
          if (isDeep(said)) return;
          const line = JSON.stringify({ id: 'ID', ...said });
          const body = JSON.stringify({ line });
          if (Buffer.byteLength(body) > MAX_BODY_BYTES) return;
          const got = await client.send({ path: '/child/say', body });
          seen[got.status] = (seen[got.status] ?? 0) + 1;
          const fault = faultOf(got) ?? faultOfStatus(said, got.status, got.body);
          if (fault !== undefined)
            throw new Error(`${fault}: ${got.status} ${got.body.toString().slice(0, 500)}\nfor ${line}`);
        }),
      );
    });
    expect(mcpo.stats).toMatchObject({ running: 0, servers: { child: { errors: 0 } } });
  } finally {
    client.close();
    await mcpo.close();
    await mounted.close();
  }
  process.stdout.write(`fuzz stdio: ${client.answered} answers, ${JSON.stringify(seen)}\n`);
  // One in forty is too deep or too long to be asked for.
  expect(client.answered).toBeGreaterThanOrEqual(scaled(answers));
  expect(seen[200]).toBeGreaterThan(client.answered / 4);
}, 300_000);

function faultOfStatus(said: object, status: number, body: Buffer): string | undefined {
  // An error may mean anything but a success.
  if (!('result' in said)) return status === 200 ? 'a success' : undefined;
  const { jsonrpc, result: given } = JSON.parse(JSON.stringify(said)) as { jsonrpc: unknown; result: unknown };
  const expected = jsonrpc === '2.0' ? expectedOf(given, false) : ({ status: 502 } as const);
  if (status !== expected.status) return `not ${expected.status}`;
  if (expected.status !== 200) return undefined;
  if ('text' in expected) return body.toString() === expected.text ? undefined : 'another text';
  return isDeepStrictEqual(JSON.parse(body.toString()), JSON.parse(JSON.stringify(expected.value)))
    ? undefined
    : 'another body';
}
