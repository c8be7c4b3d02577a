import { ConnectionPool } from '../../lib/pool/pool';
import { Turns } from '../../lib/pool/turns';
import { FakeServer } from '../support/fake-resource';

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('so many at a time, those first that somebody waits for', async () => {
  const turns = new Turns(2);
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const { signal } = new AbortController();
  const take = (name: string, wanted = false): void => {
    void turns
      .take(signal, () => wanted)
      .then((end) => {
        begun.push(name);
        ends.push(end);
      });
  };
  for (const name of ['a', 'b', 'c', 'd']) take(name);
  take('e', true);
  await settled();
  expect(begun).toEqual(['a', 'b']);
  ends[0]?.();
  ends[0]?.();
  await settled();
  expect(begun).toEqual(['a', 'b', 'e']);
  ends[1]?.();
  ends[2]?.();
  await settled();
  expect(begun).toEqual(['a', 'b', 'e', 'c', 'd']);
});

test('one that is given up takes no turn', async () => {
  const turns = new Turns(1);
  const end = await turns.take(new AbortController().signal, () => false);
  const leaver = new AbortController();
  const left = turns.take(leaver.signal, () => true);
  leaver.abort(new Error('left'));
  await expect(left).rejects.toThrow('left');
  await expect(turns.take(leaver.signal, () => true)).rejects.toThrow('left');
  const next = turns.take(new AbortController().signal, () => false);
  end();
  (await next)();
});

test('the time limit of a connection counts from its own start', async () => {
  jest.useFakeTimers();
  try {
    const turns = new Turns(1);
    const server = new FakeServer();
    server.mode = 'wait';
    const pools = [1, 2, 3].map(
      () => new ConnectionPool(server.open, { connectTimeoutMs: 1_000, takeTurn: turns.take }),
    );
    const all = Promise.all(pools.map((pool) => pool.start()));
    const called = pools[2]?.reached();
    for (const index of [0, 1, 2]) {
      await jest.advanceTimersByTimeAsync(900);
      server.attempt(index).accept();
      await jest.advanceTimersByTimeAsync(0);
      // A call waits for the third, which goes before the second.
      expect(pools.map(({ stats }) => stats.connections)).toEqual(
        [
          [1, 0, 0],
          [1, 0, 1],
          [1, 1, 1],
        ][index],
      );
    }
    await all;
    await called;
    expect(pools.every(({ stats }) => stats.errors === 0)).toBe(true);
    await Promise.all(pools.map((pool) => pool.close(0)));
  } finally {
    jest.useRealTimers();
  }
});
