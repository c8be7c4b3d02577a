import { Ledger } from '../support/ledger';
import { post } from '../support/post';
import { serving } from '../support/serve';

const serve = serving();
let ledger: Ledger;
beforeEach(() => (ledger = new Ledger()));
afterEach(() => ledger.remove());

describe('S8: a call that may have run', () => {
  it('is not made again where the tool writes: 502, outcome unknown, one execution', async () => {
    const { url } = await serve({ servers: { lab: ledger.server }, pool: { minConnections: 1 } });
    const { status, body } = await post(`${url}/lab/crash`, { args: { op: 'one' } });
    expect([status, body]).toEqual([
      502,
      expect.objectContaining({ code: 'MCPO_CONNECTION_LOST', outcome: 'unknown' }),
    ]);
    expect(ledger.executions('one')).toBe(1);
  });

  it('is made again where the server says that the tool reads, unless it is not believed', async () => {
    const wary = { ...ledger.server, trustAnnotations: false };
    const { url } = await serve({ servers: { lab: ledger.server, wary }, pool: { minConnections: 1 } });
    expect((await post(`${url}/lab/crash-once`, { args: { op: 'two' } })).status).toBe(200);
    expect(ledger.executions('two')).toBe(2);
    expect((await post(`${url}/wary/crash-once`, { args: { op: 'three' } })).body).toMatchObject({
      outcome: 'unknown',
    });
    expect(ledger.executions('three')).toBe(1);
  });

  it('is not made again where the operator says that it writes, whatever the server says', async () => {
    const { url } = await serve({ servers: { lab: ledger.server }, access: { 'lab/crash-*': 'write' } });
    expect((await post(`${url}/lab/crash-once`, { args: { op: 'four' } })).status).toBe(502);
    expect(ledger.executions('four')).toBe(1);
  });
});
