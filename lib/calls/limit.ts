import type { CallLayer } from './pipeline';

/** Waits for a permit of the tool, of its server and of the router, and gives it back when the call has ended. */
export const limit: CallLayer = async (call, next) => {
  const { entry, cancellation } = call.init;
  const permit = entry.limits.tryAcquire() ?? (await entry.limits.acquire({ signal: cancellation }));
  entry.telemetry.waited(permit.waitedMs);
  try {
    cancellation.throwIfAborted();
    return await next(call);
  } finally {
    permit.release();
  }
};
