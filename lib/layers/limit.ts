import { requiredCall } from '../call';
import { toMcpoError } from '../errors';
import type { Layer } from '../http';
import type { Permit, PermitSource } from '../limit/permit';
import type { Tool } from '../mcp/tool';
import type { Telemetry } from '../telemetry';

/** Waits for a permit and gives it back when the call has ended. */
export function limit(limitsOf: (tool: Tool) => PermitSource, telemetry: Pick<Telemetry, 'waited'>): Layer {
  return function limit(req, _res, next) {
    const call = requiredCall(req);
    const admit = (permit: Permit): void => {
      telemetry.waited(call.tool, permit.waitedMs);
      call.onSettled(() => {
        permit.release();
      });
      if (!call.outcome) next();
    };
    const limits = limitsOf(call.tool);
    const permit = limits.tryAcquire();
    if (permit) admit(permit);
    else {
      limits.acquire({ signal: call.cancellation }).then(admit, (error: unknown) => {
        call.settle({ ok: false, error: toMcpoError(error) });
      });
    }
  };
}
