import type { CallLayer } from './layer';

/** Holds a permit of the tool, its server and the router while the call runs. */
export const limit: CallLayer = async (call, next) => {
  const { entry, cancellation, identity } = call.init;
  const { principal } = identity;
  const permit = entry.limits.tryAcquire() ?? (await entry.limits.acquire({ signal: cancellation, principal }));
  entry.telemetry.waited(permit.waitedMs);
  try {
    cancellation.throwIfAborted();
    return await next(call);
  } finally {
    permit.release();
  }
};
