import { type Authenticator, unauthorized } from '../auth/authenticator';
import { type Layer, failing } from '../http/compose';

/** Blocks cross-site requests, DNS rebinding, and requests without valid credentials. */
export function authenticate(authenticator: Authenticator): Layer {
  return function authenticate(req, _res, next) {
    const refusal = authenticator.refuseBrowser(req);
    if (refusal) {
      next(refusal);
      return;
    }
    const decide = (authorized: boolean): void => next(authorized ? undefined : unauthorized(req));
    const authorized = authenticator.isAuthorized(req);
    if (typeof authorized === 'boolean') decide(authorized);
    else Promise.resolve(authorized).then(decide).catch(failing(next));
  };
}
