import { Canceller, type Cancellation, signalOf } from '../../lib/util/cancellation';

interface Made {
  readonly signal: Cancellation;
  readonly abort: (reason?: unknown) => void;
}

const native = (): Made => {
  const controller = new AbortController();
  return { signal: controller.signal, abort: (reason) => controller.abort(reason) };
};
const own = (): Made => {
  const canceller = new Canceller();
  return { signal: canceller, abort: (reason) => canceller.abort(reason) };
};

describe.each([
  ['an AbortController', native],
  ['ours', own],
])('a cancellation by %s', (_name, make) => {
  it('tells each listener once, and keeps the first reason', () => {
    const { signal, abort } = make();
    const told: string[] = [];
    const twice = (): void => void told.push('twice');
    signal.addEventListener('abort', () => told.push('once'), { once: true });
    signal.addEventListener('abort', twice);
    signal.addEventListener('abort', twice);
    expect([signal.aborted, signal.reason, told]).toEqual([false, undefined, []]);
    signal.throwIfAborted();
    abort('first');
    abort('second');
    expect([signal.aborted, signal.reason, told]).toEqual([true, 'first', ['once', 'twice']]);
    expect(() => signal.throwIfAborted()).toThrow('first');
  });

  it('does not tell who has been taken off, also by another listener, or has come too late', () => {
    const { signal, abort } = make();
    const told: string[] = [];
    const gone = (): void => void told.push('gone');
    const later = (): void => void told.push('later');
    signal.addEventListener('abort', gone);
    signal.removeEventListener('abort', gone);
    signal.addEventListener('abort', () => {
      told.push('first');
      signal.removeEventListener('abort', later);
      signal.addEventListener('abort', gone);
    });
    signal.addEventListener('abort', later);
    abort();
    signal.addEventListener('abort', gone);
    abort();
    expect(told).toEqual(['first']);
  });

  it('has a reason where none was given', () => {
    const { signal, abort } = make();
    abort();
    expect(signal.reason).toMatchObject({ name: 'AbortError', message: 'This operation was aborted' });
    expect(() => signal.throwIfAborted()).toThrow(signal.reason as Error);
  });
});

it('a listener that throws keeps nobody from hearing, and becomes a warning', () => {
  const warned = jest.spyOn(process, 'emitWarning').mockReturnValue(undefined);
  const canceller = new Canceller();
  const told = jest.fn();
  const bug = new Error('a bug');
  canceller.addEventListener('abort', () => {
    throw bug;
  });
  canceller.addEventListener('abort', told);
  canceller.abort();
  expect([told.mock.calls.length, warned.mock.calls]).toEqual([1, [[bug]]]);
  warned.mockRestore();
});

describe('signalOf', () => {
  it('gives an AbortSignal as it is', () => {
    const { signal } = new AbortController();
    expect(signalOf(signal)).toBe(signal);
  });

  it('makes one of ours, which is aborted with it and for the same reason', () => {
    const canceller = new Canceller();
    const signal = signalOf(canceller);
    const told = jest.fn();
    signal.addEventListener('abort', told);
    expect([signal instanceof AbortSignal, signal.aborted]).toEqual([true, false]);
    canceller.abort('gone');
    expect([signal.aborted, signal.reason, told.mock.calls.length]).toEqual([true, 'gone', 1]);
  });

  it('makes one that is aborted already of one that is', () => {
    const canceller = new Canceller();
    canceller.abort('gone');
    expect(signalOf(canceller)).toMatchObject({ aborted: true, reason: 'gone' });
  });
});
