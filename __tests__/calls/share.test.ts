import { type McpoOptions, type McpoRouter } from '../../lib/index';
import { until } from '../support/deferred';
import { GatedLab } from '../support/gated-lab';
import { text } from '../support/lab';
import { type Caller, type Post, caller, post } from '../support/post';
import { serving } from '../support/serve';

/** The callers of a test may be a while in coming. */
const serve = serving(undefined, { cache: true, share: { windowMs: 60_000 } });

/** A router before a lab, with what the tests ask of both. */
interface Desk {
  readonly lab: GatedLab;
  readonly mcpo: McpoRouter;
  readonly url: string;
  /** Makes a call and waits until it is at work or waits for another. */
  readonly join: (tool: string, how?: Omit<Post, 'signal'>) => Promise<Caller>;
  /** How often the server has been told that a call is cancelled. */
  readonly cancelled: () => number;
}

async function desk(options: Partial<McpoOptions> = {}, server: object = {}): Promise<Desk> {
  const lab = new GatedLab()
    .tool('read', { readOnlyHint: true })
    .tool('bump', { readOnlyHint: false, idempotentHint: true })
    .tool('restless', { readOnlyHint: true, idempotentHint: false })
    .tool('get-time', { readOnlyHint: true })
    .tool('write', { readOnlyHint: false })
    .tool('unknown')
    .tool('fail', { readOnlyHint: true }, (number) => ({ ...text(number), isError: true }));
  lab.lab.tool('quick-write', () => text('written'));
  const { mcpo, url } = await serve({ servers: { lab: { ...lab.server, ...server } }, ...options });
  const join: Desk['join'] = async (tool, how) => {
    const { running } = mcpo.stats;
    const joined = caller(`${url}/lab/${tool}`, how);
    await until(() => mcpo.stats.running === running + 1);
    return joined;
  };
  const cancelled = (): number => lab.lab.sent.filter((sent) => sent.includes('notifications/cancelled')).length;
  return { lab, mcpo, url, join, cancelled };
}

/** How many executions two calls make that are in flight at the same time. */
async function executionsOf(
  { lab, join, mcpo }: Desk,
  first: [tool: string, how?: Omit<Post, 'signal'>],
  second = first,
): Promise<number> {
  const callers = [await join(...first), await join(...second)];
  // The one that does not join is on its way to the server.
  await until(() => lab.begun === mcpo.limiter.current);
  const { begun } = lab;
  lab.openAll();
  for (const { answer } of callers) expect((await answer)?.status).toBe(200);
  return begun;
}

describe('equal calls at the same time', () => {
  it.each([
    [1_000, 'that are cached', {}, 'express-mcpo; fwd=miss'],
    [50, 'with cache: false', { cache: false as const }, 'express-mcpo; fwd=bypass'],
  ])('(%i, %s) run once, and all are answered alike', async (count, _what, options, fwd) => {
    const { lab, mcpo, url } = await desk(options);
    const answers = Promise.all(Array.from({ length: count }, () => post(`${url}/lab/read`, { args: { a: 1 } })));
    await until(() => mcpo.stats.running === count);
    expect([lab.begun, mcpo.limiter.current, mcpo.limiter.waiting]).toEqual([1, 1, 0]);
    lab.openAll();
    const all = await answers;
    expect(lab.begun).toBe(1);
    expect(new Set(all.map(({ status, body }) => `${String(status)} ${JSON.stringify(body)}`))).toEqual(
      new Set(['200 1']),
    );
    const statuses = all.map(({ header }) => header('cache-status') ?? '');
    expect(statuses.filter((status) => status.includes('collapsed'))).toHaveLength(count - 1);
    for (const status of statuses) expect(status.startsWith(fwd)).toBe(true);
    expect([mcpo.stats.running, mcpo.limiter.current]).toEqual([0, 0]);
  });
});

describe('a caller who leaves', () => {
  it('does not take the answer from the others, not even the one that began', async () => {
    const { lab, mcpo, join, cancelled } = await desk();
    const [first, ...others] = [await join('read'), await join('read'), await join('read')];
    first.leave();
    await until(() => mcpo.stats.running === 2);
    lab.openAll();
    for (const { answer } of others) expect(await answer).toMatchObject({ status: 200, body: 1 });
    expect(await first.answer).toBeUndefined();
    expect([lab.begun, cancelled()]).toEqual([1, 0]);
  });

  it('has the answer stored all the same, for it came for another', async () => {
    const { lab, mcpo, url, join } = await desk();
    const [first, second] = [await join('read'), await join('read')];
    first.leave();
    await until(() => mcpo.stats.running === 1);
    lab.openAll();
    await second.answer;
    expect((await post(`${url}/lab/read`)).header('cache-status')).toContain('hit');
  });

  it('as the last one ends the work: the server is told once', async () => {
    const { lab, mcpo, url, join, cancelled } = await desk();
    const callers = [await join('read'), await join('read'), await join('read')];
    for (const { leave } of callers.slice(1)) leave();
    await until(() => mcpo.stats.running === 1);
    expect(cancelled()).toBe(0);
    callers[0]?.leave();
    await until(() => cancelled() === 1);
    expect(mcpo.limiter.current).toBe(0);
    lab.openAll();
    // Messages keep their order: another cancellation would have come before this.
    expect(await post(`${url}/lab/read`)).toMatchObject({ status: 200, body: 2 });
    expect(cancelled()).toBe(1);
  });
});

it('a failure reaches all who wait, and is not kept', async () => {
  const { lab, url, join } = await desk();
  const callers = [await join('fail'), await join('fail'), await join('fail')];
  lab.openAll();
  for (const { answer } of callers) {
    expect(await answer).toMatchObject({ status: 500, body: { code: 'MCPO_TOOL_ERROR', detail: '1' } });
  }
  expect(await post(`${url}/lab/fail`)).toMatchObject({ status: 500, body: { detail: '2' } });
});

describe('equal calls are run together', () => {
  it('of a tool that reads', async () => {
    expect(await executionsOf(await desk(), ['read'])).toBe(1);
  });

  it('of a tool that access says reads', async () => {
    expect(await executionsOf(await desk({ access: { 'lab/write': 'read' } }), ['write'])).toBe(1);
  });

  it('while the first waits for its permit, however long ago it came', async () => {
    const windowMs = 30;
    const { lab, mcpo, join } = await desk({ share: { windowMs }, concurrency: { maxConcurrent: 1 } });
    const other = await join('write');
    await until(() => lab.begun === 1);
    const first = await join('read');
    const began = performance.now();
    await until(() => performance.now() - began > windowMs);
    const second = await join('read');
    expect(mcpo.limiter.waiting).toBe(1);
    lab.openAll();
    await other.answer;
    await until(() => lab.begun === 2);
    lab.openAll();
    expect([(await first.answer)?.body, (await second.answer)?.body]).toEqual([2, 2]);
  });

  it('however their arguments are written', async () => {
    const how = { args: { a: 1, b: { c: 2, d: 3 } } };
    const alike = { args: { b: { d: 3, c: 2 }, a: 1 } };
    expect(await executionsOf(await desk(), ['read', how], ['read', alike])).toBe(1);
  });

  it('of callers with the same forwarded headers', async () => {
    const forwarding = await desk({}, { forwardHeaders: ['authorization'] });
    const how = { headers: { authorization: 'Bearer x' } };
    expect(await executionsOf(forwarding, ['read', how])).toBe(1);
  });
});

describe('equal calls are run each for itself', () => {
  it.each(['write', 'unknown', 'bump', 'restless', 'get-time'])(
    'of %s, which may do or tell another thing',
    async (tool) => {
      expect(await executionsOf(await desk(), [tool])).toBe(2);
    },
  );

  it('of a tool that access says is idempotent', async () => {
    expect(await executionsOf(await desk({ access: { 'lab/write': 'idempotent' } }), ['write'])).toBe(2);
  });

  it.each(['no-cache', 'no-store', 'max-age=0'])('when one asks for %s', async (directive) => {
    const afresh = { headers: { 'cache-control': directive } };
    expect(await executionsOf(await desk(), ['read'], ['read', afresh])).toBe(2);
    expect(await executionsOf(await desk(), ['read', afresh], ['read'])).toBe(2);
  });

  it('of callers with different keys', async () => {
    const as = (key: string): Post => ({ headers: { 'x-api-key': key } });
    const keys = { apiKey: ['a', 'b'] };
    expect(await executionsOf(await desk(keys), ['read', as('a')], ['read', as('b')])).toBe(2);
    expect(await executionsOf(await desk(keys), ['read', as('a')], ['read', as('a')])).toBe(1);
  });

  it('of callers whom the host tells apart', async () => {
    const principal: McpoOptions['principal'] = (req) => String(req.headers['x-user']);
    const as = (user: string): Post => ({ headers: { 'x-user': user } });
    expect(await executionsOf(await desk({ principal }), ['read', as('a')], ['read', as('b')])).toBe(2);
  });

  it('of callers whose headers go on and whom nobody can name', async () => {
    const nameless = await desk({ principal: () => undefined }, { forwardHeaders: ['authorization'] });
    const how = { headers: { authorization: 'Bearer x' } };
    expect(await executionsOf(nameless, ['read', how])).toBe(2);
  });

  it('with other arguments or in another format', async () => {
    expect(await executionsOf(await desk(), ['read'], ['read', { args: { a: 1 } }])).toBe(2);
    const whole = { headers: { accept: 'application/vnd.mcp+json' } };
    expect(await executionsOf(await desk(), ['read'], ['read', whole])).toBe(2);
  });

  it('when a write has ended between them', async () => {
    const { lab, url, join } = await desk();
    const before = await join('read');
    await until(() => lab.begun === 1);
    await post(`${url}/lab/quick-write`);
    const after = await join('read');
    await until(() => lab.begun === 2);
    lab.openAll();
    expect([(await before.answer)?.body, (await after.answer)?.body]).toEqual([1, 2]);
  });

  it('when the first is older than share.windowMs', async () => {
    const windowMs = 30;
    const { lab, join } = await desk({ share: { windowMs } });
    const old = await join('read');
    const began = performance.now();
    await until(() => performance.now() - began > windowMs);
    const late = await join('read');
    await until(() => lab.begun === 2);
    lab.openAll();
    expect([(await old.answer)?.body, (await late.answer)?.body]).toEqual([1, 2]);
  });

  it('with share: false', async () => {
    expect(await executionsOf(await desk({ share: false }), ['read'])).toBe(2);
  });
});
