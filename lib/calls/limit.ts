import { requiredCall } from './call';
import { toMcpoError } from '../errors';
import { type Layer, failing } from '../http/response';
import type { Permit, PermitSource } from '../limit/permit';
import type { Tool } from '../mcp/tools/tool';
import type { Telemetry } from '../telemetry/telemetry';

/** Waits for a permit and gives it back when the call has ended. */
export function limit(limitsOf: (tool: Tool) => PermitSource, telemetry: Pick<Telemetry, 'waited'>): Layer {
  return function limit(req, _res, next) {
    const call = requiredCall(req);
    const admit = (permit: Permit): void => {
      call.onSettled(() => {
        permit.release();
      });
      telemetry.waited(call.tool, permit.waitedMs);
      if (!call.outcome) next();
    };
    const limits = limitsOf(call.tool);
    const permit = limits.tryAcquire();
    if (permit) admit(permit);
    else {
      const refuse = (error: unknown): void => {
        call.settle({ ok: false, error: toMcpoError(error) });
      };
      limits.acquire({ signal: call.cancellation }).then(admit, refuse).catch(failing(next));
    }
  };
}
