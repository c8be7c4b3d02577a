import { Forked } from './support/forked';

// A process compiles the library each time.
jest.setTimeout(30_000);

let app: Forked | undefined;
afterEach(() => app?.end());

describe('whoever is waited for keeps the process, which ends with the wait', () => {
  it.each([
    ['a pause between two tries', 'retry', 3],
    ['a permit', 'permit', 'MCPO_QUEUE_TIMEOUT'],
    ['a connection', 'connection', 'MCPO_POOL_EXHAUSTED'],
    ['an answer over a transport of the app', 'call', 'MCPO_TIMEOUT'],
  ])('%s', async (_name, wait, end) => {
    app = new Forked('waits-app.ts', [wait]);
    expect(await app.next()).toBe(end);
    expect(await app.exited()).toBe(0);
  });
});
