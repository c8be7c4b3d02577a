import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { SHARES, fuzz, scaled, shown } from '../support/fuzz';
import { problemOf } from '../support/fuzz-answers';
import type { FuzzAnswer } from '../support/fuzz-client';
import { result, rpcError } from '../support/fuzz-results';
import { rigs } from '../support/fuzz-rig';
import { inPlainHttp } from '../support/hosts';
import { type Expected, expectedOf, isDeep } from '../support/reference-result';

const rig = rigs(inPlainHttp);
const RPC_STATUS = new Map([...([-32700, -32600] as const).map((code) => [code, 400] as const), [-32602, 422]]);

const answer = fc.oneof(
  { weight: 12, arbitrary: result.map((value) => ({ result: value })) },
  { weight: 1, arbitrary: rpcError.map((error) => ({ error })) },
);
const call = fc.record({
  answer,
  isRaw: fc.nat(4).map((number) => number === 0),
  tool: fc.constantFrom('read', 'write'),
});

it('results of all kinds are translated as the contract says', async () => {
  const { answers } = SHARES.results;
  const it = await rig();
  const given: Record<string, unknown>[] = [];
  const inputSchema = { type: 'object' };
  const tools = [
    { name: 'read', inputSchema, annotations: { readOnlyHint: true } },
    { name: 'write', inputSchema },
  ];
  it.server.onCall = (_name, { at }) => given[Number(at)] ?? {};
  await it.list(
    () => ({ tools }),
    () => 'fuzz/read' in it.mcpo.stats.tools,
  );
  const seen: Record<number, number> = {};
  let made = 0;
  await fuzz('results', call, { cases: answers, batch: 20 }, async (batch) => {
    await Promise.all(
      batch.map(async ({ answer: said, isRaw, tool }) => {
        const at = made++;
        given[at] = said;
        const headers = isRaw ? { accept: 'application/vnd.mcp+json' } : {};
        const got = await it.send({ path: `/fuzz/${tool}`, headers, body: JSON.stringify({ at }) });
        Reflect.deleteProperty(given, at);
        seen[got.status] = (seen[got.status] ?? 0) + 1;
        const fault = 'error' in said ? faultOfError(got, said.error) : faultOfResult(got, said.result, isRaw);
        if (fault !== undefined) {
          throw new Error(
            `${fault} for ${shown(said)}${isRaw ? ' (raw)' : ''}\n${got.status} ${got.body.toString().slice(0, 1_000)}`,
          );
        }
      }),
    );
  });
  await it.check(new Set(['read', 'write', 'unknown']));
  process.stdout.write(`fuzz results: ${made} results, ${JSON.stringify(seen)}\n`);
  expect(made).toBeGreaterThanOrEqual(scaled(answers));
  expect(seen[200]).toBeGreaterThan(made / 2);
}, 600_000);

function faultOfResult(got: FuzzAnswer, said: unknown, isRaw: boolean): string | undefined {
  // Whether what is deep can be written depends on the stack; here it cannot be compared either.
  if (isDeep(said)) return [200, 500, 502].includes(got.status) ? undefined : 'neither used nor refused';
  const expected = expectedOf(said, isRaw);
  if (got.status !== expected.status) return `not ${expected.status}`;
  if (expected.status === 200) return faultOfBody(got, expected);
  if (expected.status === 500) {
    const { code, detail } = problemOf(got);
    return code === 'MCPO_TOOL_ERROR' && detail === expected.detail ? undefined : 'another error';
  }
  return problemOf(got).code === 'MCPO_BAD_RESPONSE' ? undefined : 'another error';
}

function faultOfBody({ body }: FuzzAnswer, expected: Extract<Expected, { status: 200 }>): string | undefined {
  const sent = body.toString();
  if ('text' in expected) return sent === expected.text ? undefined : `not ${expected.text.slice(0, 1_000)}`;
  const value: unknown = JSON.parse(JSON.stringify(expected.value));
  return isDeepStrictEqual(JSON.parse(sent), value) ? undefined : `not ${shown(value)}`;
}

function faultOfError(got: FuzzAnswer, { code }: { readonly code: number }): string | undefined {
  return got.status === (RPC_STATUS.get(code) ?? 500) ? undefined : `not the status of ${code}`;
}
