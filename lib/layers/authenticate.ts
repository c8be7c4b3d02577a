import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Authenticator } from '../auth/authenticator';
import type { McpoError } from '../errors';
import { type Layer, failing } from '../http/compose';
import { isPromise } from '../util/maybe-promise';

/** Answers a refused request with a page that asks for the key, or returns `undefined`. */
type SignIn = (refusal: McpoError, req: IncomingMessage, res: ServerResponse) => Promise<void> | undefined;

/** Blocks cross-site requests, DNS rebinding, and requests without valid credentials. */
export function authenticate(authenticator: Authenticator, signIn: SignIn): Layer {
  return function authenticate(req, res, next) {
    const foreign = authenticator.refuseBrowser(req);
    if (foreign) {
      next(foreign);
      return;
    }
    const decide = (refusal: McpoError | undefined): void => {
      const answer = refusal && signIn(refusal, req, res);
      if (answer) answer.catch(failing(next));
      else next(refusal);
    };
    const refused = authenticator.refusal(req);
    if (isPromise(refused)) refused.then(decide).catch(failing(next));
    else decide(refused);
  };
}
