import type { Authenticator } from '../auth/authenticator';
import { type Layer, failing } from '../http/compose';
import { isPromise } from '../util/maybe-promise';

/** Blocks cross-site requests, DNS rebinding, and requests without valid credentials. */
export function authenticate(authenticator: Authenticator): Layer {
  return function authenticate(req, _res, next) {
    const refusal = authenticator.refuseBrowser(req);
    if (refusal) {
      next(refusal);
      return;
    }
    const refused = authenticator.refusal(req);
    if (isPromise(refused)) refused.then(next).catch(failing(next));
    else next(refused);
  };
}
