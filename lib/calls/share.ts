import type { Progress } from '../mcp/session/pending-call';
import type { RequestDeduplicator } from '../share/deduplicator';
import type { FleetFlights } from '../share/fleet';
import type { Cancellation } from '../util/cancellation';
import { isPromise } from '../util/maybe-promise';
import type { Answer, ToolCall } from './call';
import { type Settled, decodeAnswer, encodeAnswer, settled, unwrap } from './fleet-answer';
import type { Epoch, Freshness } from './freshness';
import type { CallLayer, Next } from './pipeline';

/** Where calls in flight are shared. */
export interface Flights {
  /** In this process. */
  readonly local: RequestDeduplicator<Answer, Cancellation>;
  /** Beyond it. */
  readonly fleet: FleetFlights | undefined;
  /** How old a call may be and still be joined, in milliseconds. */
  readonly windowMs: number;
}

/**
 * Joins an equal call that is already in flight, here or in another process, or leads it. The call that is made belongs to
 * all who wait for it, and ends early only when the last of them has gone.
 */
export function share({ local, fleet, windowMs }: Flights, freshness: Freshness): CallLayer {
  const audience = new ProgressAudience();

  async function leadInFleet(through: FleetFlights, call: ToolCall, key: string, next: Next): Promise<Answer> {
    let own = undefined as Settled | undefined;
    const flight = { group: call.server, key, windowMs, signal: call.signal };
    const bytes = await through.execute(flight, async () => {
      own = await settled(next(call));
      return encodeAnswer(own);
    });
    if (own) return unwrap(own);
    const theirs = bytes && decodeAnswer(bytes);
    // Nobody can read what another version of this package has written.
    if (!theirs) return next(call);
    call.cacheStatus.collapsed = true;
    return unwrap(theirs);
  }

  async function shared(call: ToolCall, { count, generation }: Epoch, next: Next): Promise<Answer> {
    const { entry, cancellation, onProgress } = call.init;
    // A call that began before a write has ended is not joined after it.
    const key = `${call.key}:${count}:${generation}`;
    let led = undefined as ToolCall | undefined;
    const lead = (signal: Cancellation): Promise<Answer> => {
      led = call.forEverybody(signal, (progress) => audience.tell(key, progress));
      // What another process does twice when one dies must be a read.
      const isForFleet = fleet && entry.policy.access === 'read';
      return isForFleet ? leadInFleet(fleet, led, `${call.key}:${generation}`, next) : next(led);
    };
    const leave = onProgress && audience.join(key, onProgress);
    try {
      return await local.executeOrWait(key, lead, { signal: cancellation });
    } finally {
      leave?.();
      if (!led || led.cacheStatus.collapsed) collapsed(call);
    }
  }

  return function share(call, next) {
    const { policy } = call.init.entry;
    const { noCache, noStore } = call.init.cacheControl;
    // An answer that is asked for afresh must not come from a call that began before.
    const mayShare = policy.shared && call.isIdentified && !noCache && !noStore;
    if (!mayShare || !freshness.isSettled(call.server)) return next(call);
    const epoch = freshness.epoch(call.server, policy.cache);
    const join = (known: Epoch | undefined): Promise<Answer> => (known ? shared(call, known, next) : next(call));
    return isPromise(epoch) ? epoch.then(join) : join(epoch);
  };
}

function collapsed(call: ToolCall): void {
  call.cacheStatus.collapsed = true;
  call.init.entry.telemetry.shared();
}

/** Those who are told of the progress of calls in flight, by the key of the call. */
class ProgressAudience {
  readonly #listeners = new Map<string, Set<(progress: Progress) => void>>();

  /** Tells a listener until what is returned is called. */
  join(key: string, listener: (progress: Progress) => void): () => void {
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(key) === listeners) this.#listeners.delete(key);
    };
  }

  tell(key: string, progress: Progress): void {
    for (const listener of this.#listeners.get(key) ?? []) listener(progress);
  }
}
