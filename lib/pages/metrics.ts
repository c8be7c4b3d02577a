import type { IncomingMessage } from 'node:http';
import { send } from '../http/response';
import type { Exposition } from '../monitor/exposition';
import type { Page } from './pages';

/** `GET /metrics`: text for Prometheus; JSON for `Accept: application/json` or `?format=json`. */
export function metricsPage(text: (accept: string | undefined) => Promise<Exposition>, json: () => unknown): Page {
  return async function metrics(req, res) {
    const headers = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' };
    if (wantsJson(req)) {
      send(req, res, 200, { ...headers, 'Content-Type': 'application/json' }, JSON.stringify(json()));
      return;
    }
    const { contentType, body } = await text(req.headers.accept);
    send(req, res, 200, { ...headers, 'Content-Type': contentType }, body);
  };
}

/** A scraper accepts many things, JSON perhaps among the last of them. */
function wantsJson({ url = '', headers: { accept = '' } }: IncomingMessage): boolean {
  if (/[?&]format=json(?:&|$)/.test(url)) return true;
  return accept.includes('application/json') && !/text\/plain|openmetrics/.test(accept);
}
