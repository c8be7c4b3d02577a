import type { Progress } from '../mcp/session/pending-call';
import type { RequestDeduplicator } from '../share/deduplicator';
import type { FleetFlights } from '../share/fleet';
import type { Cancellation } from '../util/cancellation';
import { isPromise } from '../util/maybe-promise';
import type { Answer, ToolCall } from './call';
import { type Settled, decodeAnswer, encodeAnswer, settled, unwrap } from './fleet-answer';
import type { Epoch, Freshness } from './freshness';
import type { CallLayer, Next } from './layer';

/** The calls in flight. */
export interface Flights {
  /** Those of this process. */
  readonly local: RequestDeduplicator<Answer, Cancellation>;
  /** Those of all processes of a fleet. */
  readonly fleet: FleetFlights | undefined;
  /** The maximum age of a call that can be joined, in milliseconds. */
  readonly windowMs: number;
}

/**
 * Joins an equal call in flight, in this or another process, or leads one. The shared call belongs to all its callers: it is
 * cancelled only when the last of them has left.
 */
export function share({ local, fleet, windowMs }: Flights, freshness: Freshness): CallLayer {
  const subscribers = new ProgressSubscribers();

  async function leadInFleet(through: FleetFlights, call: ToolCall, key: string, next: Next): Promise<Answer> {
    let own = undefined as Settled | undefined;
    const maxWaitMs = call.init.entry.server.config.maxTotalTimeoutMs;
    const flight = { group: call.group, key, windowMs, maxWaitMs, signal: call.signal };
    const bytes = await through.execute(flight, async () => {
      own = await settled(next(call));
      return encodeAnswer(own);
    });
    if (own) return unwrap(own);
    const remote = bytes && decodeAnswer(bytes);
    // Another version of this package may have another encoding.
    if (!remote) return next(call);
    call.cacheStatus.collapsed = true;
    return unwrap(remote);
  }

  async function shared(call: ToolCall, { count, generation }: Epoch, next: Next): Promise<Answer> {
    const { cancellation, onProgress } = call.init;
    // A call from before the end of a write must not be joined after it.
    const key = `${call.key}:${count}:${generation}`;
    let led = undefined as ToolCall | undefined;
    const lead = (signal: Cancellation, sent: () => void): Promise<Answer> => {
      led = call.shared(signal, (progress) => subscribers.notify(key, progress), sent);
      if (!fleet) return next(led);
      // It may have been sent by another process, so its age counts from now.
      sent();
      return leadInFleet(fleet, led, `${call.key}:${generation}`, next);
    };
    const leave = onProgress && subscribers.add(key, onProgress);
    try {
      const answer = local.executeOrWait(key, lead, { signal: cancellation });
      if (!led) collapsed(call);
      return await answer;
    } finally {
      leave?.();
      if (led?.cacheStatus.collapsed) collapsed(call);
    }
  }

  return function share(call, next) {
    const { policy } = call.init.entry;
    const { noCache, noStore } = call.init.cacheControl;
    // With no-cache, the answer must not come from a call that began earlier.
    const mayShare = policy.shared && call.isIdentified && !noCache && !noStore;
    if (!mayShare || !freshness.isSettled(call.group)) return next(call);
    const epoch = freshness.epoch(call.group, policy.cache);
    const join = (known: Epoch | undefined): Promise<Answer> => (known ? shared(call, known, next) : next(call));
    return isPromise(epoch) ? epoch.then(join) : join(epoch);
  };
}

function collapsed(call: ToolCall): void {
  call.cacheStatus.collapsed = true;
  call.init.entry.telemetry.shared();
}

/** The progress listeners of calls in flight, by the key of the call. */
class ProgressSubscribers {
  readonly #listeners = new Map<string, Set<(progress: Progress) => void>>();

  /** Adds a listener; returns a function that removes it. */
  add(key: string, listener: (progress: Progress) => void): () => void {
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(key) === listeners) this.#listeners.delete(key);
    };
  }

  notify(key: string, progress: Progress): void {
    for (const listener of this.#listeners.get(key) ?? []) listener(progress);
  }
}
