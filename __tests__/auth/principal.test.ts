import request from 'supertest';
import type { McpoOptions } from '../../lib/index';
import { Lab, text } from '../support/lab';
import { PinoLike } from '../support/pino-like';
import { post } from '../support/post';
import { serving } from '../support/serve';

const serve = serving(undefined, { cache: true });

class ObjectId {
  constructor(readonly hex: string) {}
  toString(): string {
    return this.hex;
  }
}

/** A session's counter, and a read whose result is kept; the caller names the value that `principal` gives. */
async function start(
  values: Readonly<Record<string, unknown>>,
): Promise<{ readonly url: string; readonly log: PinoLike; readonly runs: ReadonlyMap<string, number> }> {
  const lab = new Lab();
  const counts = new Map<object, number>();
  lab.tool('count', ({ headers }) => {
    counts.set(headers, (counts.get(headers) ?? 0) + 1);
    return text(String(counts.get(headers)));
  });
  lab.tool('read', () => text(String((lab.runs.get('read') ?? 0) + 0)), { annotations: { readOnlyHint: true } });
  const connect: Lab['connect'] = (context) => lab.connect({ headers: { ...context.headers } });
  const principal = (req: { readonly headers: Readonly<Record<string, unknown>> }): unknown => {
    const value = values[String(req.headers['x-user'])];
    return typeof value === 'function' && value.name === 'act' ? (value as () => unknown)() : value;
  };
  const log = new PinoLike();
  const { url } = await serve({
    servers: { kept: { connect, stateful: true }, lab: { connect } },
    principal: principal as McpoOptions['principal'],
    logger: log,
  });
  return { url, log, runs: lab.runs };
}

const as = (user: string): { readonly headers: { readonly 'x-user': string } } => ({ headers: { 'x-user': user } });

describe('principal', () => {
  it.each([
    ['numbers', 7, 8],
    ['bigints', 7n, 8n],
    ['fractions', 0.5, 0.25],
    ['texts', 'ann', 'bob'],
    ['promises', Promise.resolve(7), Promise.resolve(8)],
    ['promises of a library of its own', { then: (use: (value: unknown) => void) => use(7) }, 8],
    ['nobody and somebody', undefined, 0],
    ['null and the text', null, 'null'],
    ['undefined and the text', undefined, 'undefined'],
  ])('tells callers apart by %s', async (_kind, ann, bob) => {
    const { url, runs } = await start({ ann, bob });
    const sessions: unknown[] = [];
    for (const user of ['ann', 'bob', 'ann']) sessions.push((await post(`${url}/kept/count`, as(user))).body);
    expect(sessions).toEqual([1, 1, 2]);
    const reads: unknown[] = [];
    for (const user of ['ann', 'bob', 'ann', 'bob']) reads.push((await post(`${url}/lab/read`, as(user))).body);
    expect([reads, runs.get('read')]).toEqual([[1, 2, 1, 2], 2]);
  });

  it.each([
    ['a number and its text', 7, '7'],
    ['a bigint and its text', 7n, '7'],
    ['null and undefined', null, undefined],
  ])('takes %s for one caller', async (_kind, ann, bob) => {
    const { url } = await start({ ann, bob });
    expect((await post(`${url}/kept/count`, as('ann'))).body).toBe(1);
    expect((await post(`${url}/kept/count`, as('bob'))).body).toBe(2);
  });

  it.each([
    ['an empty string', ''],
    ['number', NaN],
    ['number', Infinity],
    ['number', -Infinity],
    ['object', new ObjectId('secret-of-this-test')],
    ['object', { id: 'secret-of-this-test' }],
    ['object', ['secret-of-this-test']],
    ['object', new String('secret-of-this-test')],
    ['object', Promise.resolve(new ObjectId('secret-of-this-test'))],
    ['boolean', false],
    ['boolean', true],
    ['symbol', Symbol('secret-of-this-test')],
    ['function', (): string => 'secret-of-this-test'],
  ])('is 500 for everything else, and the log says what it was: %s', async (type, value) => {
    const { url, log, runs } = await start({ ann: value, bob: 'bob' });
    const refused = { status: 500, body: { code: 'MCPO_INTERNAL' } };
    expect(await post(`${url}/kept/count`, as('ann'))).toMatchObject(refused);
    expect(await post(`${url}/lab/read`, as('ann'))).toMatchObject(refused);
    await request(url).delete('/kept').set('x-user', 'ann').expect(500);
    expect(runs.size).toBe(0);
    const errors = log.entries('error').map(({ fields }) => String(fields.err));
    expect(errors).toHaveLength(3);
    for (const error of errors) {
      expect(error).toMatch(/option principal/);
      expect(error).toContain(type);
      expect(error).not.toContain('secret');
    }
    expect(await post(`${url}/lab/read`, as('bob'))).toMatchObject({ status: 200 });
  });

  it.each([
    ['throws', () => act(new Error('no directory'))],
    ['throws nothing', () => act(undefined)],
    ['rejects', () => later(new Error('no directory'))],
    ['rejects without a reason', () => later(undefined)],
    [
      'is never told by a promise of its own',
      () => ({ then: (_use: unknown, fail: (reason: unknown) => void) => fail(null) }),
    ],
  ])('lets nobody in when it %s', async (_how, run) => {
    const { url, log, runs } = await start({ ann: Object.defineProperty(run, 'name', { value: 'act' }) });
    const refused = { status: 500, body: { code: 'MCPO_INTERNAL' } };
    expect(await post(`${url}/kept/count`, as('ann'))).toMatchObject(refused);
    expect(await post(`${url}/lab/read`, as('ann'))).toMatchObject(refused);
    await request(url).delete('/kept').set('x-user', 'ann').expect(500);
    expect([runs.size, log.entries('error').length]).toEqual([0, 3]);
  });
});

function act(reason: unknown): never {
  throw reason;
}

async function later(reason: unknown): Promise<never> {
  throw reason;
}
