import { isPromise } from '../cache/maybe-promise';
import { type Outcome, requiredCall } from '../call';
import type { Freshness } from '../freshness';
import type { Layer } from '../http';
import type { Policies } from '../policy';
import { requestDirectives } from '../request-directives';
import { stateOf } from '../request-state';
import type { RequestDeduplicator } from '../share/deduplicator';
import type { Telemetry } from '../telemetry';

/**
 * Joins an equal call that is already in flight, or leads it. What follows works on a call of its own, which belongs to
 * all who wait for it and ends early only when the last of them has gone.
 */
export function share(
  flights: RequestDeduplicator<Outcome>,
  policies: Policies,
  freshness: Freshness,
  telemetry: Telemetry,
): Layer {
  return function share(req, _res, next) {
    const call = requiredCall(req);
    const { server } = call.tool;
    const { noCache, noStore } = requestDirectives(req);
    // An answer that is asked for afresh must not come from a call that began before.
    const { shared, cache } = policies.of(call.tool);
    const mayShare = shared && call.isIdentified && !noCache && !noStore;
    if (!mayShare || !freshness.isSettled(server)) {
      next();
      return;
    }
    let leads = false as boolean;
    const lead = (signal: AbortSignal): Promise<Outcome> => {
      leads = true;
      return new Promise((resolve) => {
        const work = call.fork(signal);
        work.onSettled(resolve);
        stateOf(req).call = work;
        next();
      });
    };
    // A call that began before a write has ended is not joined after it.
    const join = (epoch: string | undefined): void => {
      if (call.outcome) return;
      if (epoch === undefined) {
        next();
        return;
      }
      flights.executeOrWait(`${call.key}:${epoch}`, lead, { signal: call.signal }).then(
        (outcome) => call.settle(outcome),
        // The caller has gone, and the call was settled by that.
        () => undefined,
      );
      if (leads) return;
      call.note('Cache-Status', 'collapsed');
      telemetry.shared(call.tool);
    };
    const epoch = freshness.epoch(server, cache);
    if (isPromise(epoch)) void epoch.then(join);
    else join(epoch);
  };
}
