import { once } from 'node:events';
import { type IncomingMessage, get } from 'node:http';
import { until } from '../support/deferred';
import { DashboardEvents } from '../../lib/pages/dashboard-events';
import type { DashboardSnapshot } from '../../lib/pages/dashboard';
import { type Mounted, listen } from '../support/hosts';
import { Lab, text } from '../support/lab';
import { post } from '../support/post';
import { serving } from '../support/serve';

const serve = serving(undefined, { cache: true });
const lab = new Lab().tool('echo', () => text('hi'), { annotations: { readOnlyHint: true } });

/** Reads a stream event by event. */
async function* eventsOf(url: string, init: RequestInit = {}): AsyncGenerator<DashboardSnapshot> {
  const response = await fetch(url, init);
  let rest = '';
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const events = (rest + chunk).split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) yield JSON.parse(event.replace(/^data: /, '')) as DashboardSnapshot;
  }
}

describe('GET /dashboard/events', () => {
  it('tells at once and each second what /metrics tells, and the pools', async () => {
    const { url } = await serve({ servers: { lab: { connect: lab.connect } } });
    const stream = eventsOf(`${url}/dashboard/events`);
    const { value: first } = await stream.next();
    expect(first?.pools).toEqual({
      lab: { idle: expect.any(Number), busy: 0, opening: expect.any(Number), waiting: 0, breaker: 'closed' },
    });
    expect(first?.performance.overall?.total_requests).toBe(0);
    for (let call = 0; call < 3; call += 1) await post(`${url}/lab/echo`);
    const { value: second } = await stream.next();
    const metrics = (await (await fetch(`${url}/metrics?format=json`)).json()) as DashboardSnapshot;
    expect(Object.keys(second ?? {}).sort()).toEqual([...Object.keys(metrics), 'pools', 'title'].sort());
    expect(second?.performance['lab/echo']?.total_requests).toBe(3);
    expect(second?.cache.default).toMatchObject({ hits: 2, misses: 1 });
    const apart = Date.parse(second?.timestamp ?? '') - Date.parse(first?.timestamp ?? '');
    expect(apart).toBeGreaterThan(900);
    expect(apart).toBeLessThan(3_000);
    await stream.return(undefined);
  });

  it('is a stream that nothing on the way holds back; HEAD tells only so much', async () => {
    const { url } = await serve({ servers: {} });
    const response = await fetch(`${url}/dashboard/events`, { method: 'HEAD' });
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    });
    expect(await response.text()).toBe('');
  });

  it('ends when the router closes, and is refused from then on', async () => {
    const { mcpo, url } = await serve({ servers: {} });
    const stream = eventsOf(`${url}/dashboard/events`);
    await stream.next();
    const closed = mcpo.close();
    while (!(await stream.next()).done);
    await closed;
    const response = await fetch(`${url}/dashboard/events`);
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await response.json()).toMatchObject({ code: 'MCPO_CLOSING' });
  });
});

/** Only the clock of the events is ours: sockets have their own. */
const REAL = [
  'nextTick',
  'setImmediate',
  'setTimeout',
  'clearTimeout',
  'queueMicrotask',
  'performance',
  'Date',
] as const;

describe('DashboardEvents', () => {
  let made = 0;
  let mounted: Mounted;
  let events: DashboardEvents;
  const requests = new Set<IncomingMessage>();
  let snapshot: () => unknown;

  beforeEach(async () => {
    made = 0;
    snapshot = () => ({ made: (made += 1) });
    events = new DashboardEvents(() => snapshot());
    mounted = await listen((req, res) => {
      requests.add(req);
      events.listen(req, res);
    });
    jest.useFakeTimers({ doNotFake: [...REAL] });
  });
  afterEach(async () => {
    jest.useRealTimers();
    events.close();
    requests.clear();
    await mounted.close();
  });

  /** Opens a stream and waits for its first event. */
  async function open(): Promise<IncomingMessage> {
    const request = get(mounted.url, { agent: false });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    await once(response, 'readable');
    return response;
  }
  const gone = (): Promise<void> => until(() => jest.getTimerCount() === 0);

  it('works only while somebody listens', async () => {
    expect(jest.getTimerCount()).toBe(0);
    const [one, two] = [await open(), await open()];
    expect([jest.getTimerCount(), made]).toEqual([1, 2]);
    jest.advanceTimersByTime(3_000);
    // One for both of them, each second.
    expect(made).toBe(5);
    one.destroy();
    two.destroy();
    await gone();
    jest.advanceTimersByTime(5_000);
    expect(made).toBe(5);
  });

  it('refuses those who are too many until one leaves', async () => {
    const streams = [];
    for (let n = 0; n < 32; n += 1) streams.push(await open());
    const refused = await fetch(mounted.url);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
    expect(await refused.json()).toMatchObject({ detail: '32 dashboards are open already' });
    streams.pop()?.destroy();
    await until(async () => {
      const response = await fetch(mounted.url, { method: 'HEAD' });
      return response.status === 200;
    });
    for (const stream of streams) stream.destroy();
    await gone();
  });

  it('sends nothing more to one who does not read, and ends his stream in the end', async () => {
    snapshot = () => ({ made: (made += 1), filling: 'x'.repeat(1_000_000) });
    const idle = await open();
    const reader = await open();
    let received = 0;
    reader.on('data', (chunk: Buffer) => (received += chunk.length));
    const isClosed = new Promise((resolve) => idle.on('error', () => undefined).once('close', resolve));
    for (let second = 0; second < 60; second += 1) {
      const before = received;
      jest.advanceTimersByTime(1_000);
      await until(() => received - before >= 1_000_000);
    }
    expect(jest.getTimerCount()).toBe(1);
    // What was sent before he stopped reading is in the buffers of the system, not in ours.
    idle.resume();
    await isClosed;
    expect(idle.complete).toBe(false);
    reader.destroy();
    await gone();
  });

  it('ends the streams when there is nothing to tell, and is no danger to the process', async () => {
    const stream = await open();
    snapshot = () => {
      throw new Error('the store does not answer');
    };
    jest.advanceTimersByTime(1_000);
    stream.resume();
    await once(stream, 'end');
    expect(jest.getTimerCount()).toBe(0);
  });
});
