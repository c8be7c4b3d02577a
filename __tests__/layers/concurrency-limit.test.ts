import { type RequestListener, type ServerResponse } from 'node:http';
import express from 'express';
import express4 from 'express4';
import { ConfigError, type ConcurrencyLimit, type LimiterOptions, concurrencyLimit } from '../../lib';
import { until } from '../support/deferred';
import { type Mounted, listen } from '../support/hosts';
import { type Answer, type Caller, caller, post } from '../support/post';

/** An app with a limit on one route, whose handler leaves it to the test to answer. */
interface Desk {
  readonly url: string;
  readonly limit: ConcurrencyLimit;
  /** The responses that the handler has been given so far, in their order. */
  readonly handed: ServerResponse[];
}

const APPS = [
  ['Express 5', () => express()],
  ['Express 4', () => express4()],
] as const;

describe.each(APPS)('in %s', (_name, make) => {
  let mounted: Mounted | undefined;
  afterEach(() => mounted?.close());

  async function desk(options: LimiterOptions): Promise<Desk> {
    const limit = concurrencyLimit(options);
    const handed: ServerResponse[] = [];
    const app = make();
    app.use('/expensive', limit);
    app.post('/expensive/throws', () => {
      throw new Error('on purpose');
    });
    app.post('/expensive', (_req, res) => {
      handed.push(res);
    });
    app.post('/cheap', (_req, res) => {
      res.json('cheap');
    });
    // Express's own handler would write the error to the console.
    app.use(((_error, _req, res, _next) => {
      res.status(418).json('failed');
    }) as express.ErrorRequestHandler);
    mounted = await listen(app as RequestListener);
    return { url: mounted.url, limit, handed };
  }

  const answerAll = (handed: readonly ServerResponse[]): void => {
    for (const res of handed) if (!res.writableEnded) res.setHeader('Content-Type', 'application/json').end('"done"');
  };

  const expensive = ({ url }: Desk): Promise<Answer> => post(`${url}/expensive`);
  const leaver = ({ url }: Desk): Caller => caller(`${url}/expensive`);

  it('as many run as the limit says, the next wait in their order, and the others are refused', async () => {
    const app = await desk({ maxConcurrent: 2, maxQueue: 1 });
    const { limit, handed } = app;
    const running = [expensive(app), expensive(app)];
    await until(() => handed.length === 2);
    const waiting = expensive(app);
    await until(() => limit.limiter.waiting === 1);
    const refused = await expensive(app);
    expect(refused).toMatchObject({
      status: 503,
      body: {
        type: 'urn:express-mcpo:problem:queue-full',
        title: 'Queue full',
        status: 503,
        code: 'MCPO_QUEUE_FULL',
        detail: 'concurrency limit: 1 calls are waiting already',
        instance: '/expensive',
      },
    });
    expect(refused.header('content-type')).toBe('application/problem+json');
    expect(refused.header('retry-after')).toBe('1');
    expect((await post(`${app.url}/cheap`)).status).toBe(200);
    expect([limit.limiter.current, limit.limiter.maxConcurrent, handed.length]).toEqual([2, 2, 2]);
    answerAll(handed);
    await until(() => handed.length === 3);
    answerAll(handed);
    for (const answer of await Promise.all([...running, waiting])) expect(answer.body).toBe('done');
    await until(() => limit.limiter.current === 0);
    expect([limit.limiter.waiting, limit.limiter.peak]).toEqual([0, 2]);
  });

  it('a request that waits too long is refused and never handled', async () => {
    const app = await desk({ maxConcurrent: 1, queueTimeoutMs: 30, name: 'reports' });
    const running = expensive(app);
    await until(() => app.handed.length === 1);
    const late = await expensive(app);
    expect(late).toMatchObject({ status: 503, body: { code: 'MCPO_QUEUE_TIMEOUT' } });
    expect(late.body).toMatchObject({ detail: 'reports: still waiting after 30 ms' });
    expect(late.header('retry-after')).toBe('1');
    answerAll(app.handed);
    await running;
    await until(() => app.limit.limiter.current === 0);
    expect(app.handed).toHaveLength(1);
  });

  it('a client that leaves while it waits gives its place up and is never handled', async () => {
    const app = await desk({ maxConcurrent: 1, maxQueue: 1 });
    const { limiter } = app.limit;
    const running = expensive(app);
    await until(() => app.handed.length === 1);
    const gone = leaver(app);
    await until(() => limiter.waiting === 1);
    gone.leave();
    await until(() => limiter.waiting === 0);
    const next = expensive(app);
    await until(() => limiter.waiting === 1);
    answerAll(app.handed);
    await until(() => app.handed.length === 2);
    answerAll(app.handed);
    expect([(await running).status, (await next).status]).toEqual([200, 200]);
    await until(() => limiter.current === 0);
    expect(app.handed).toHaveLength(2);
  });

  it('a client that leaves a handler that never answers gives its permit back', async () => {
    const app = await desk({ maxConcurrent: 1 });
    const gone = leaver(app);
    await until(() => app.handed.length === 1);
    const next = expensive(app);
    await until(() => app.limit.limiter.waiting === 1);
    gone.leave();
    await until(() => app.handed.length === 2);
    expect(app.limit.limiter.current).toBe(1);
    answerAll(app.handed.slice(1));
    expect((await next).status).toBe(200);
    // An answer that nobody waits for any more gives nothing back a second time.
    answerAll(app.handed);
    await until(() => app.limit.limiter.current === 0);
  });

  it('a handler that fails, and a path that nobody handles, give their permit back', async () => {
    const { url, limit } = await desk({ maxConcurrent: 1, maxQueue: 0 });
    expect((await post(`${url}/expensive/throws`)).status).toBe(418);
    await until(() => limit.limiter.current === 0);
    expect((await fetch(`${url}/expensive/nowhere`)).status).toBe(404);
    await until(() => limit.limiter.current === 0);
  });

  it('the limit can be changed and closed while requests wait', async () => {
    const app = await desk({ maxConcurrent: 1 });
    const { limiter } = app.limit;
    const calls = [expensive(app), expensive(app), expensive(app)];
    await until(() => app.handed.length === 1 && limiter.waiting === 2);
    limiter.setMaxConcurrent(2);
    await until(() => app.handed.length === 2);
    expect(limiter.waiting).toBe(1);
    limiter.close();
    const refused = await Promise.race(calls);
    expect(refused).toMatchObject({ status: 503, body: { code: 'MCPO_CLOSING' } });
    expect(refused.header('retry-after')).toBe('1');
    expect((await expensive(app)).body).toMatchObject({ code: 'MCPO_CLOSING' });
    answerAll(app.handed);
    expect((await Promise.all(calls)).map(({ status }) => status).sort()).toEqual([200, 200, 503]);
    await until(() => limiter.current === 0);
  });
});

it('two limits know nothing of each other, and one may stand on several routes', async () => {
  const both = concurrencyLimit({ maxConcurrent: 1, maxQueue: 0 });
  const own = concurrencyLimit({ maxConcurrent: 1, maxQueue: 0 });
  const handed: ServerResponse[] = [];
  const handle: express.RequestHandler = (_req, res) => handed.push(res);
  const app = express().post('/a', both, handle).post('/b', both, handle).post('/c', own, handle);
  const { url, close } = await listen(app as RequestListener);
  try {
    const a = post(`${url}/a`);
    await until(() => handed.length === 1);
    expect((await post(`${url}/b`)).status).toBe(503);
    const c = post(`${url}/c`);
    await until(() => handed.length === 2);
    for (const res of handed) res.end('{}');
    expect([(await a).status, (await c).status]).toEqual([200, 200]);
  } finally {
    await close();
  }
});

it.each<[object, string, string]>([
  [{ maxConcurrent: 0 }, 'concurrency.maxConcurrent', "must be an integer from 1 to 1000000, 'cpu' or 'io', got 0"],
  [{ maxQueue: -1 }, 'concurrency.maxQueue', 'must be an integer of at least 0, got -1'],
  [{ queueTimeoutMs: 0 }, 'concurrency.queueTimeoutMs', 'must be an integer of at least 1, got 0'],
])('%j is refused at creation', (options, path, remedy) => {
  const error = thrownBy(() => concurrencyLimit(options));
  expect(error).toBeInstanceOf(ConfigError);
  expect(error).toMatchObject({ path, message: `${path} ${remedy}` });
});

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}
