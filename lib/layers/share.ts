import { isPromise } from '../cache/maybe-promise';
import { type Outcome, requiredCall } from '../call';
import { decodeOutcome, encodeOutcome } from '../fleet-outcome';
import type { Epoch, Freshness } from '../freshness';
import type { Layer } from '../http';
import type { Policies } from '../policy';
import { requestDirectives } from '../request-directives';
import { stateOf } from '../request-state';
import type { RequestDeduplicator } from '../share/deduplicator';
import type { FleetFlights } from '../share/fleet';
import type { Telemetry } from '../telemetry';

/** Where calls in flight are shared. */
export interface Flights {
  /** In this process. */
  readonly local: RequestDeduplicator<Outcome>;
  /** Beyond it. */
  readonly fleet: FleetFlights | undefined;
  /** How old a call may be and still be joined, in milliseconds. */
  readonly windowMs: number;
}

/**
 * Joins an equal call that is already in flight, here or in another process, or leads it. What follows works on a call of
 * its own, which belongs to all who wait for it and ends early only when the last of them has gone.
 */
export function share(
  { local, fleet, windowMs }: Flights,
  policies: Policies,
  freshness: Freshness,
  telemetry: Telemetry,
): Layer {
  return function share(req, _res, next) {
    const call = requiredCall(req);
    const { server } = call.tool;
    const { shared, cache, access } = policies.of(call.tool);
    const { noCache, noStore } = requestDirectives(req);
    // An answer that is asked for afresh must not come from a call that began before.
    const mayShare = shared && call.isIdentified && !noCache && !noStore;
    if (!mayShare || !freshness.isSettled(server)) {
      next();
      return;
    }
    const collapsed = (): void => {
      call.note('Cache-Status', 'collapsed');
      telemetry.shared(call.tool);
    };
    const work = (signal: AbortSignal): Promise<Outcome> =>
      new Promise((resolve) => {
        const forked = call.fork(signal);
        forked.onSettled(resolve);
        stateOf(req).call = forked;
        next();
      });
    const workInFleet = async (through: FleetFlights, key: string, signal: AbortSignal): Promise<Outcome> => {
      let own = undefined as Outcome | undefined;
      const answer = await through.execute({ group: server, key, windowMs, signal }, async () => {
        own = await work(signal);
        return encodeOutcome(own);
      });
      if (own) return own;
      const told = answer && decodeOutcome(answer);
      // Nobody can read what another version of this package has written.
      if (!told) return work(signal);
      collapsed();
      return told;
    };

    const join = (epoch: Epoch | undefined): void => {
      if (call.outcome) return;
      if (epoch === undefined) {
        next();
        return;
      }
      // A call that began before a write has ended is not joined after it.
      const { count, generation } = epoch;
      let leads = false as boolean;
      const lead = (signal: AbortSignal): Promise<Outcome> => {
        leads = true;
        // What another process does twice when one dies must be a read.
        if (!fleet || access !== 'read') return work(signal);
        return workInFleet(fleet, `${call.key}:${generation}`, signal);
      };
      local.executeOrWait(`${call.key}:${count}:${generation}`, lead, { signal: call.cancellation }).then(
        (outcome) => call.settle(outcome),
        // The caller has gone, and the call was settled by that.
        () => undefined,
      );
      if (!leads) collapsed();
    };
    const epoch = freshness.epoch(server, cache);
    if (isPromise(epoch)) void epoch.then(join);
    else join(epoch);
  };
}
