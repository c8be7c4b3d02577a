import { type Sent, MixedCalls } from './support/mixed-calls';
import { samplesNamed } from './support/exposition';
import { serving } from './support/serve';
import type { MetricsJson } from '../lib';
import { SEED } from './support/seed';

const serve = serving(undefined, { cache: true });

const CALLS = 500;
const REFUSED_FIRST = [
  'invalid_arguments',
  'body_too_large',
  'unauthorized',
  'unknown_tool',
  'unknown_server',
  'closing',
];
const REJECTIONS = ['queue_full', 'queue_timeout', 'pool_exhausted', 'breaker_open', 'closing'];

/** Numbers from 0 up to 1, the same for the same seed (a linear congruential generator). */
function randomFrom(seed: number): () => number {
  let state = BigInt(seed);
  return () => {
    state = (state * 6_364_136_223_846_793_005n + 1_442_695_040_888_963_407n) % 2n ** 64n;
    return Number(state >> 32n) / 2 ** 32;
  };
}

/** How often each label is there, as the text writes labels. */
function tally(sent: readonly Sent[], labels: (each: Sent) => Record<string, string>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const each of sent) {
    const text = Object.entries(labels(each)).map(([name, value]) => `${name}="${value}"`);
    const key = `{${text.join(',')}}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

const result = ({ cache = '' }: Sent): string =>
  /; hit/.test(cache) ? 'hit' : /fwd=miss/.test(cache) ? 'miss' : 'bypass';
const joined = ({ cache = '' }: Sent): boolean => cache.includes('collapsed');
const isCall = ({ outcome }: Sent): boolean => !REFUSED_FIRST.includes(outcome);
const isOk = ({ outcome }: Sent): boolean => outcome === 'success' || outcome === 'caller_gone';
/** It led, so that it waited for a permit, and got one. */
const gotPermit = (each: Sent): boolean =>
  isCall(each) && result(each) !== 'hit' && !joined(each) && !/^queue_/.test(each.outcome);

it(`counts ${CALLS} mixed calls exactly, in the text and in the JSON (FC_SEED=${SEED})`, async () => {
  const random = randomFrom(SEED);
  const mixed = new MixedCalls();
  const { sent } = mixed;
  const { mcpo, url } = await serve({ ...mixed.options, drainTimeoutMs: 10_000 });
  mixed.at(url, mcpo);
  const { hits = () => Promise.reject(new Error('no hits')) } = mixed.rounds;
  // Each kind at least once, then whatever comes, in an order that nobody has thought of.
  const kinds = Object.values(mixed.rounds).sort(() => random() - 0.5);
  while (sent.length < CALLS - 20) {
    const round = kinds.pop() ?? Object.values(mixed.rounds)[Math.floor(random() * Object.keys(mixed.rounds).length)];
    await round?.(2 + Math.floor(10 * random()));
  }
  expect(kinds).toEqual([]);
  // The last two are one that runs and one that is refused while the router closes.
  await hits(CALLS - 2 - sent.length);

  await mixed.closing(async () => {
    const get = (accept: string): Promise<Response> =>
      fetch(`${url}/metrics`, { headers: { ...mixed.headers, accept } });
    const text = await (await get('text/plain')).text();
    const json = (await (await get('application/json')).json()) as MetricsJson;
    expect(sent).toHaveLength(CALLS - 1);
    expectText(text, sent, mixed);
    expectJson(json, sent, mixed);
  });
  expect(sent).toHaveLength(CALLS);
}, 60_000);

function expectText(text: string, sent: readonly Sent[], { failures, retries }: MixedCalls): void {
  const counted = (name: string): Readonly<Record<string, number>> => samplesNamed(text, `mcpo_${name}`);
  const tool = ({ server, tool }: Sent): Record<string, string> => ({ server, tool });
  expect(counted('tool_requests_total')).toEqual(tally(sent, (each) => ({ ...tool(each), outcome: each.outcome })));
  expect(counted('tool_request_duration_seconds_count')).toEqual(tally(sent, tool));
  const running = { server: 'gates', tool: 'wait', outcome: 'success', cache: 'fwd=bypass', key: '' };
  // Of the call that runs, it is known already that it was not in the cache, and that it has its permit.
  const calls = [...sent.filter(isCall), running];
  expect(counted('cache_requests_total')).toEqual(tally(calls, (each) => ({ ...tool(each), result: result(each) })));
  expect(counted('queue_wait_seconds_count')).toEqual(tally(calls.filter(gotPermit), ({ server }) => ({ server })));
  const upstream = sent.filter((each) => gotPermit(each) && each.outcome !== 'breaker_open');
  expect(counted('tool_upstream_duration_seconds_count')).toEqual(tally(upstream, tool));
  expect(counted('shared_calls_total')).toEqual(tally(sent.filter(joined), tool));
  const rejected = sent.filter(({ outcome }) => REJECTIONS.includes(outcome));
  expect(counted('rejected_total')).toEqual(tally(rejected, ({ outcome }) => ({ reason: outcome })));
  expect(new Set(rejected.map(({ outcome }) => outcome))).toEqual(new Set(REJECTIONS));
  expect(counted('retries_total')).toEqual({ '{server="frail"}': retries });
  expect(counted('connection_errors_total')).toEqual(
    Object.fromEntries(
      Object.entries(failures).map(([name, count]) => [name.replace(/(.*),(.*)/, '{server="$1",reason="$2"}'), count]),
    ),
  );
  expect(counted('cache_evictions_total')).toEqual({});
  expect(counted('cache_entries')).toEqual({ '{cache="default"}': stored(sent) });
  expect(counted('concurrency_in_flight')).toEqual({ '': 1 });
}

function expectJson(
  { performance, cache, concurrency, connection }: MetricsJson,
  sent: readonly Sent[],
  mixed: MixedCalls,
): void {
  const calls = sent.filter(isCall);
  const expected = (these: readonly Sent[]): object => ({
    total_requests: these.length,
    success_rate: expect.closeTo((100 * these.filter(isOk).length) / these.length, 9),
  });
  const names = new Set(calls.map(({ server, tool }) => `${server}/${tool}`));
  expect(Object.keys(performance).sort()).toEqual(['overall', ...names].sort());
  expect(performance.overall).toMatchObject({ ...expected(calls), current_concurrent: 1 });
  for (const name of names) {
    expect({ name, ...performance[name] }).toMatchObject({
      name,
      ...expected(calls.filter(({ server, tool }) => name === `${server}/${tool}`)),
    });
  }
  const hits = calls.filter((each) => result(each) === 'hit').length;
  const misses = calls.filter((each) => result(each) === 'miss').length;
  expect(cache).toEqual({
    default: {
      hits,
      misses,
      hit_rate: expect.closeTo((100 * hits) / (hits + misses), 9),
      current_size: stored(sent),
      memory_usage: expect.any(Number),
    },
  });
  expect(concurrency).toMatchObject({ current_concurrent: 1, waiting: 0, max_concurrent: 100 });
  const { failures } = mixed;
  expect(connection.error_count).toBe(Object.values(failures).reduce((sum, count) => sum + count, 0));
}

/** How many results are kept: those of calls that are equal are one. */
function stored(sent: readonly Sent[]): number {
  return new Set(sent.filter(({ cache }) => cache?.includes('stored')).map(({ key }) => key)).size;
}
