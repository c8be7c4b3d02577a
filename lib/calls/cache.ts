import { AnswerBatcher } from '../http/answer-batcher';
import { type Outcome, type ToolCall, requiredCall } from './call';
import type { CacheManager } from '../cache/cache-manager';
import { isPromise, type MaybePromise, mapMaybe } from '../util/maybe-promise';
import type { SmartCache } from '../cache/smart-cache';
import type { CacheEntry, Found, Generation } from '../cache/store';
import type { Freshness } from './freshness';
import { type Layer, failing } from '../http/response';
import type { Logger } from '../options';
import type { Policies } from './policy';
import { type CacheControl, cacheControlOf } from '../http/cache-control';
import type { Telemetry } from '../telemetry/telemetry';

const CACHE_STATUS = 'Cache-Status';

interface Lookup {
  readonly call: ToolCall;
  readonly store: SmartCache;
  readonly ttlMs: number;
  readonly wanted: CacheControl;
}

/**
 * Answers from the store, or stores the answer on its way out (RFC 9111), and says so in `Cache-Status` (RFC 9211) and
 * `Age`. A store that fails is as good as an empty one.
 */
export function cache(
  manager: CacheManager,
  policies: Policies,
  freshness: Freshness,
  telemetry: Telemetry,
  logger: Logger,
): Layer {
  const hits = new AnswerBatcher();
  // Callers that shared a call are settled with the same outcome, which need be stored only once.
  const stored = new WeakSet<Outcome>();

  function answer(call: ToolCall, entry: CacheEntry): void {
    const ageMs = Math.max(0, Date.now() - entry.storedAt);
    const ttl = entry.ttlMs === undefined ? '' : `; ttl=${Math.max(0, Math.ceil((entry.ttlMs - ageMs) / 1_000))}`;
    call.notes.set(CACHE_STATUS, `express-mcpo; hit${ttl}`);
    call.notes.set('Age', String(Math.floor(ageMs / 1_000)));
    telemetry.lookedUp(call.tool, 'hit');
    hits.add(() => call.settle({ ok: true, body: entry.body }));
  }

  function storeWhenSettled({ call, store, ttlMs, wanted }: Lookup, generation: Generation | undefined): void {
    const { server } = call.tool;
    telemetry.lookedUp(call.tool, wanted.noCache ? 'bypass' : 'miss');
    if (generation === undefined) return;
    call.onSettled((outcome) => {
      if (!outcome.ok || stored.has(outcome) || !freshness.isSettled(server)) return;
      stored.add(outcome);
      const saved = store.save(call.key, outcome.body, { group: server, ttlMs, generation });
      if (isPromise(saved)) saved.catch(warn);
      else if (saved) call.note(CACHE_STATUS, 'stored');
    });
  }

  function warn(error: unknown): void {
    logger.warn({ err: error }, 'mcpo: the cache store failed');
  }

  /** Answers with what was found, or stores what will be made; whether it answers. */
  function use(lookup: Lookup, { entry, generation }: Found): boolean {
    const isHit = entry !== undefined && isFreshEnough(entry, lookup.wanted);
    if (isHit) answer(lookup.call, entry);
    else storeWhenSettled(lookup, generation);
    return isHit;
  }

  /** The same for a store that answers by promises. */
  function useLater(lookup: Lookup, found: Promise<Found>, next: (error?: unknown) => void): void {
    const { call } = lookup;
    found
      .then((known) => call.outcome !== undefined || use(lookup, known))
      .then(
        (isAnswered) => {
          if (!isAnswered) next();
        },
        (error: unknown) => {
          warn(error);
          telemetry.lookedUp(call.tool, 'miss');
          if (!call.outcome) next();
        },
      )
      .catch(failing(next));
  }

  return function cache(req, _res, next) {
    const call = requiredCall(req);
    const { ttlMs, cache: name } = policies.of(call.tool);
    const wanted = cacheControlOf(req);
    const store = manager.getCache(name);
    if (ttlMs === 0 || !store || wanted.noStore || !call.isIdentified || !freshness.isCurrent(call.tool.server)) {
      call.notes.set(CACHE_STATUS, 'express-mcpo; fwd=bypass');
      telemetry.lookedUp(call.tool, 'bypass');
      next();
      return;
    }
    call.notes.set(CACHE_STATUS, `express-mcpo; fwd=${wanted.noCache ? 'request' : 'miss'}`);
    const lookup = { call, store, ttlMs, wanted };
    // Read before the call is made: a write that ends from here on keeps its result out of the store.
    const found = wanted.noCache ? unseen(store, call.tool.server) : store.lookup(call.key, call.tool.server);
    if (isPromise(found)) {
      useLater(lookup, found, next);
    } else if (!use(lookup, found)) {
      next();
    }
  };
}

/** As if nothing had been found, without a look. */
function unseen(store: SmartCache, group: string): MaybePromise<Found> {
  const generation = store.generation(group);
  return mapMaybe(generation, (known) => ({ entry: undefined, generation: known }));
}

function isFreshEnough(entry: CacheEntry, { maxAgeMs }: CacheControl): boolean {
  return maxAgeMs === undefined || Date.now() - entry.storedAt <= maxAgeMs;
}
