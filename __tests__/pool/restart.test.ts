import { until } from '../support/deferred';
import { HttpLedger } from '../support/http-ledger';
import { type Answer, post } from '../support/post';
import { serving } from '../support/serve';
import { Callers } from '../support/steady';

const serve = serving();
let ledger: HttpLedger;
beforeEach(async () => {
  ledger = new HttpLedger();
  await ledger.start();
});
afterEach(() => ledger.end());

/** A call and what has come of it. */
interface Called {
  readonly tool: string;
  readonly status: number;
  readonly body: unknown;
  /** How often it has been executed. */
  readonly executions: number;
}

/** A call of a tool that takes up to 60 ms; every other one reads. */
async function call(url: string, number: number): Promise<Answer & { readonly tool: string; readonly op: string }> {
  const tool = number % 2 === 0 ? 'read' : 'write';
  const op = String(number);
  return { ...(await post(`${url}/web/${tool}`, { args: { op, delayMs: number % 61 } })), tool, op };
}

type Made = Awaited<ReturnType<typeof call>>;

function withExecutions(calls: readonly Made[]): readonly Called[] {
  const executions = new Map<string | undefined, number>();
  for (const { event, op } of ledger.lines()) {
    if (event === 'begin') executions.set(op, (executions.get(op) ?? 0) + 1);
  }
  return calls.map(({ tool, status, body, op }) => ({ tool, status, body, executions: executions.get(op) ?? 0 }));
}

function report(what: string, calls: readonly Called[]): void {
  const of = (tool: string, status: number): number =>
    calls.filter((each) => each.tool === tool && each.status === status).length;
  const times = calls.reduce((sum, { executions }) => sum + executions, 0);
  process.stdout.write(
    `${what}: reads ${of('read', 200)} x 200, writes ${of('write', 200)} x 200 and ${of('write', 502)} x 502, ` +
      `of ${calls.length} calls; ${times} executions\n`,
  );
}

const notOnceWith200 = (calls: readonly Called[]): readonly Called[] =>
  calls.filter(({ status, executions }) => status !== 200 || executions !== 1);

describe('a server over streamable HTTP that forgets all sessions', () => {
  it('under load, again and again: every call is answered and runs once', async () => {
    const { url } = await serve({ servers: { web: ledger.web } });
    const load = new Callers(16, (number) => call(url, number));
    let forgotten = 0;
    for (let round = 1; round <= 6; round++) {
      await until(() => load.answered >= round * 100);
      const sessions = await ledger.forget();
      expect(sessions).toBeGreaterThan(0);
      forgotten += sessions;
    }
    await until(() => load.answered >= 700);
    const calls = withExecutions(await load.end());
    report(`${forgotten} sessions forgotten`, calls);
    expect(notOnceWith200(calls)).toEqual([]);
  });

  it('while nobody calls: a lone call is answered although all ten connections have gone', async () => {
    const { url, mcpo } = await serve({
      servers: { web: ledger.web },
      pool: { minConnections: 10, maxConnections: 10 },
    });
    await until(() => mcpo.stats.servers.web?.connections === 10);
    expect(await ledger.forget()).toBe(10);
    expect(withExecutions([await call(url, 1)])).toMatchObject([{ tool: 'write', status: 200, executions: 1 }]);
  });
});

describe('a server over streamable HTTP that is killed and started again', () => {
  it('while no call is in flight: those that come at once are answered and run once', async () => {
    const { url } = await serve({ servers: { web: ledger.web } });
    const before = await Promise.all(Array.from({ length: 20 }, (_, number) => call(url, number)));
    const start = performance.now();
    await ledger.kill();
    const load = new Callers(40, (number) => call(url, 20 + number));
    await ledger.start();
    const downMs = performance.now() - start;
    await until(() => load.answered >= 200);
    const calls = withExecutions([...before, ...(await load.end())]);
    report(`down for ${Math.round(downMs)} ms`, calls);
    expect(notOnceWith200(calls)).toEqual([]);
  });

  it('under load: calls that read are answered, those that write are in doubt at worst and never run twice', async () => {
    const { url } = await serve({ servers: { web: ledger.web } });
    const load = new Callers(16, (number) => call(url, number));
    for (let round = 1; round <= 3; round++) {
      const { answered } = load;
      await until(() => load.answered >= answered + 150);
      await ledger.kill();
      await ledger.start();
    }
    const calls = withExecutions(await load.end());
    report('killed three times', calls);
    expect(calls.filter(({ tool, status }) => tool === 'read' && status !== 200)).toEqual([]);
    const lost = calls.filter(({ status }) => status !== 200);
    expect(lost.length).toBeGreaterThan(0);
    for (const { status, body } of lost) {
      expect([status, body]).toEqual([502, expect.objectContaining({ outcome: 'unknown' })]);
    }
    const writes = calls.filter(({ tool }) => tool === 'write');
    expect(writes.filter(({ executions }) => executions > 1)).toEqual([]);
    expect(writes.filter(({ status, executions }) => status === 200 && executions !== 1)).toEqual([]);
  });

  it('with many idle connections: the failures of all of them do not add up to a long wait', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(0.999);
    const { url, mcpo } = await serve({
      servers: { web: ledger.web },
      pool: { minConnections: 10, maxConnections: 10 },
    });
    expect((await call(url, 0)).status).toBe(200);
    await until(() => mcpo.stats.servers.web?.connections === 10);
    await ledger.kill();
    const start = performance.now();
    const answer = call(url, 1);
    await until(() => mcpo.stats.servers.web?.connections === 0);
    await ledger.start();
    expect(withExecutions([await answer])).toMatchObject([{ tool: 'write', status: 200, executions: 1 }]);
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});

afterEach(() => jest.restoreAllMocks());
