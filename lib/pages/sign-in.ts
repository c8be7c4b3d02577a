import type { IncomingMessage, ServerResponse } from 'node:http';
import type { McpoError } from '../errors';
import { pathOf, send } from '../http/response';
import { readAsset, readOnce } from './asset';
import { HTML_HEADERS, acceptsHtml, fill, rootOf } from './html';

/** The paths of all pages that a person reads, of servers that do not exist too. */
const PAGES = /^\/(?:dashboard\/?|(?:[^/]+\/)?docs\/?)?$/;

/**
 * Asks for the key in place of a page that a browser may not see: a browser cannot send one with its first request. The
 * status stays 401. The script keeps the key in the tab and gets the page with it. Nothing of this router is in the answer.
 *
 * @returns `undefined` for anything else than a browser that opens a page
 */
export function signInPage(): (
  refusal: McpoError,
  req: IncomingMessage,
  res: ServerResponse,
) => Promise<void> | undefined {
  const load = readOnce(async () => (await readAsset('dashboard/sign-in.html')).toString());
  const answer = async (refusal: McpoError, req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const html = fill(await load(), { root: rootOf(req) });
    send(req, res, refusal.status, { ...HTML_HEADERS, Vary: 'Accept', ...refusal.headers }, html);
  };
  return function signIn(refusal, req, res) {
    const isRead = req.method === 'GET' || req.method === 'HEAD';
    const isAsked = refusal.status === 401 && isRead && acceptsHtml(req) && PAGES.test(pathOf(req));
    return isAsked ? answer(refusal, req, res) : undefined;
  };
}
