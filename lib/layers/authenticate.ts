import { type Authenticator, unauthorized } from '../auth/authenticator';
import { type Layer, failing } from '../http/compose';

/** Lets a request pass that no browser trick is behind and that carries valid credentials, where some are asked for. */
export function authenticate(authenticator: Authenticator): Layer {
  return function authenticate(req, _res, next) {
    const refusal = authenticator.refuseBrowser(req);
    if (refusal) {
      next(refusal);
      return;
    }
    const decide = (authorized: boolean): void => {
      next(authorized ? undefined : unauthorized(req));
    };
    const authorized = authenticator.isAuthorized(req);
    if (typeof authorized === 'boolean') decide(authorized);
    else Promise.resolve(authorized).then(decide).catch(failing(next));
  };
}
