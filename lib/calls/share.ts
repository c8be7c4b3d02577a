import type { IncomingMessage } from 'node:http';
import { isPromise } from '../util/maybe-promise';
import { type Cancellation, signalOf } from '../util/cancellation';
import { toMcpoError } from '../errors';
import { type Outcome, type ToolCall, requiredCall } from './call';
import { decodeOutcome, encodeOutcome } from './fleet-answer';
import type { Epoch, Freshness } from './freshness';
import { type Layer, failing } from '../http/response';
import type { Policies } from './policy';
import { cacheControlOf } from '../http/cache-control';
import { stateOf } from '../http/request-state';
import type { RequestDeduplicator } from '../share/deduplicator';
import type { FleetFlights } from '../share/fleet';
import type { Telemetry } from '../telemetry/telemetry';

/** Where calls in flight are shared. */
export interface Flights {
  /** In this process. */
  readonly local: RequestDeduplicator<Outcome, Cancellation>;
  /** Beyond it. */
  readonly fleet: FleetFlights | undefined;
  /** How old a call may be and still be joined, in milliseconds. */
  readonly windowMs: number;
}

/** A request whose call may lead others. */
interface Led {
  readonly req: IncomingMessage;
  readonly call: ToolCall;
  readonly next: (error?: unknown) => void;
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
  function collapsed(call: ToolCall): void {
    call.note('Cache-Status', 'collapsed');
    telemetry.shared(call.tool);
  }

  async function workInFleet(through: FleetFlights, led: Led, key: string, signal: Cancellation): Promise<Outcome> {
    let own = undefined as Outcome | undefined;
    const flight = { group: led.call.tool.server, key, windowMs, signal: signalOf(signal) };
    const answer = await through.execute(flight, async () => {
      own = await work(led, signal);
      return encodeOutcome(own);
    });
    if (own) return own;
    const told = answer && decodeOutcome(answer);
    // Nobody can read what another version of this package has written.
    if (!told) return work(led, signal);
    collapsed(led.call);
    return told;
  }

  function join(led: Led, epoch: Epoch | undefined): void {
    const { call, next } = led;
    if (call.outcome) return;
    if (epoch === undefined) {
      next();
      return;
    }
    // A call that began before a write has ended is not joined after it.
    const { count, generation } = epoch;
    let leads = false as boolean;
    const lead = (signal: Cancellation): Promise<Outcome> => {
      leads = true;
      // What another process does twice when one dies must be a read.
      const inFleet = policies.of(call.tool).access === 'read' ? fleet : undefined;
      return inFleet ? workInFleet(inFleet, led, `${call.key}:${generation}`, signal) : work(led, signal);
    };
    local.executeOrWait(`${call.key}:${count}:${generation}`, lead, { signal: call.cancellation }).then(
      (outcome) => call.settle(outcome),
      // Where the caller has gone, the call was settled by that.
      (error: unknown) => call.settle({ ok: false, error: toMcpoError(error) }),
    );
    if (!leads) collapsed(call);
  }

  return function share(req, _res, next) {
    const call = requiredCall(req);
    const { server } = call.tool;
    const { shared, cache } = policies.of(call.tool);
    const { noCache, noStore } = cacheControlOf(req);
    // An answer that is asked for afresh must not come from a call that began before.
    const mayShare = shared && call.isIdentified && !noCache && !noStore;
    if (!mayShare || !freshness.isSettled(server)) {
      next();
      return;
    }
    const led = { req, call, next };
    const epoch = freshness.epoch(server, cache);
    if (isPromise(epoch)) epoch.then((known) => join(led, known)).catch(failing(next));
    else join(led, epoch);
  };
}

/** The layers below do the work, on a call of its own. */
function work({ req, call, next }: Led, signal: Cancellation): Promise<Outcome> {
  return new Promise((resolve) => {
    const forked = call.fork(signal);
    forked.onSettled(resolve);
    stateOf(req).call = forked;
    next();
  });
}
