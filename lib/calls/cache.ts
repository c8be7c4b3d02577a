import type { CacheManager } from '../cache/cache-manager';
import type { SmartCache } from '../cache/smart-cache';
import type { CacheEntry, Found, Generation } from '../cache/store';
import type { Logger } from '../util/logger';
import { type MaybePromise, isPromise, mapMaybe } from '../util/maybe-promise';
import { Answer, type ToolCall } from './call';
import type { Freshness } from './freshness';
import type { CallLayer, Next } from './layer';

const NOTHING: Found = { entry: undefined, generation: undefined };

/** Answers from the cache, or stores the answer (RFC 9111). A store that fails counts as empty. */
export function cache(manager: CacheManager, freshness: Freshness, logger: Logger): CallLayer {
  function cacheFor(call: ToolCall): SmartCache | undefined {
    const { entry, cacheControl } = call.init;
    const { ttlMs, cache: name } = entry.policy;
    const mayUse = ttlMs > 0 && !cacheControl.noStore && call.isIdentified && freshness.isCurrent(call.group);
    return mayUse ? manager.getCache(name) : undefined;
  }

  /** The generation is taken before the call: a write that ends after this keeps the answer out of the store. */
  function lookUp(call: ToolCall, store: SmartCache): MaybePromise<Found> {
    if (!call.init.cacheControl.noCache) return store.lookup(call.key, call.group);
    return mapMaybe(store.generation(call.group), (generation) => ({ entry: undefined, generation }));
  }

  function keep(call: ToolCall, store: SmartCache, answer: Answer, generation: Generation | undefined): void {
    if (generation === undefined || !freshness.isSettled(call.group) || !answer.storeOnce()) return;
    const { ttlMs } = call.init.entry.policy;
    const saved = store.save(call.key, answer.encoded(), { group: call.group, ttlMs, generation });
    if (isPromise(saved)) saved.catch(failed);
    else if (saved) call.cacheStatus.stored = true;
  }

  function failed(error: unknown): Found {
    logger.warn({ err: error }, 'mcpo: the cache store failed');
    return NOTHING;
  }

  function answerFrom(
    { entry: kept, generation }: Found,
    store: SmartCache,
    call: ToolCall,
    next: Next,
  ): Promise<Answer> {
    const { entry, cacheControl } = call.init;
    if (kept && isFreshEnough(kept, cacheControl.maxAgeMs)) {
      call.cacheStatus.hit = ageOf(kept);
      entry.telemetry.cache('hit');
      return Promise.resolve(Answer.decoded(kept.body));
    }
    call.cacheStatus.forwarded = cacheControl.noCache ? 'request' : 'miss';
    entry.telemetry.cache(cacheControl.noCache ? 'bypass' : 'miss');
    return next(call).then((answer) => {
      keep(call, store, answer, generation);
      return answer;
    });
  }

  return function cache(call, next) {
    const store = cacheFor(call);
    if (!store) {
      call.cacheStatus.forwarded = 'bypass';
      call.init.entry.telemetry.cache('bypass');
      return next(call);
    }
    const found = lookUp(call, store);
    const use = (known: Found): Promise<Answer> => answerFrom(known, store, call, next);
    return isPromise(found) ? found.catch(failed).then(use) : use(found);
  };
}

function isFreshEnough({ storedAt }: CacheEntry, maxAgeMs: number | undefined): boolean {
  return maxAgeMs === undefined || Date.now() - storedAt <= maxAgeMs;
}

function ageOf({ storedAt, ttlMs }: CacheEntry): { readonly ageMs: number; readonly ttlMs: number | undefined } {
  const ageMs = Math.max(0, Date.now() - storedAt);
  return { ageMs, ttlMs: ttlMs === undefined ? undefined : Math.max(0, ttlMs - ageMs) };
}
