import { request } from 'node:http';
import { until } from '../../support/deferred';
import { samplesNamed } from '../../support/exposition';
import { post } from '../../support/post';
import { serving } from '../../support/serve';
import { scripted } from '../../support/stdio';

jest.setTimeout(90_000);

const serve = serving();
const BODY = JSON.stringify({ text: 'x'.repeat(0.9 * 2 ** 20) });
const CALLERS = 200;

/** One child, to which everybody is let through. */
async function oneChild(): ReturnType<typeof serve> {
  const { command, args } = scripted();
  const pool = { minConnections: 1, maxConnections: 1, maxInFlightPerConnection: 1_000 };
  const servers = { lab: { command, args, pool } };
  return serve({ servers, concurrency: { maxConcurrent: 1_000, maxQueue: 1_000 }, retry: false });
}

/** A caller of a tool who can leave. */
function caller(url: string): { readonly status: Promise<number | 'left'>; readonly leave: () => void } {
  const sent = request(url, { method: 'POST', headers: { 'content-type': 'application/json' }, agent: false });
  const status = new Promise<number | 'left'>((resolve) => {
    sent.on('response', (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    });
    sent.on('error', () => resolve('left'));
  });
  sent.end(BODY);
  return { status, leave: () => sent.destroy() };
}

/** Stops the child; what lets it go on. */
async function stopChild(url: string): Promise<() => void> {
  const pid = Number((await post(`${url}/lab/pid`)).body);
  process.kill(pid, 'SIGSTOP');
  return () => void process.kill(pid, 'SIGCONT');
}

describe(`${CALLERS} callers with 0.9 MiB each, of a child that does not read`, () => {
  it('who leave: what is not yet written is never written', async () => {
    const { url, mcpo } = await oneChild();
    const goOn = await stopChild(url);
    const callers = Array.from({ length: CALLERS }, () => caller(`${url}/lab/echo`));
    const waiting = async (): Promise<number> => {
      const samples = samplesNamed(await mcpo.registry.metrics(), 'mcpo_pool_waiting');
      return Object.values(samples)[0] ?? 0;
    };
    // Four MiB are lines for the child; the others wait for the connection.
    await until(async () => (await waiting()) >= CALLERS - 6, 50_000);
    for (const { leave } of callers) leave();
    expect(new Set(await Promise.all(callers.map(({ status }) => status)))).toEqual(new Set(['left']));
    await until(() => mcpo.stats.running === 0);
    goOn();
    // That for its id, this one, and what the pipe had been given.
    expect((await post(`${url}/lab/calls`)).body).toBeLessThanOrEqual(4);
  });

  it('who stay are all answered', async () => {
    const { url, mcpo } = await oneChild();
    const goOn = await stopChild(url);
    const callers = Array.from({ length: CALLERS }, () => caller(`${url}/lab/echo`));
    await until(() => mcpo.stats.running > 20);
    goOn();
    const statuses = await Promise.all(callers.map(({ status }) => status));
    expect(statuses).toEqual(statuses.map(() => 200));
  });
});
