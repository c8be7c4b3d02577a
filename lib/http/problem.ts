import type { IncomingMessage, ServerResponse } from 'node:http';
import type { McpoError } from '../errors';
import { pathOf, send } from './response';
import { stateOf } from './request-state';

/** Answers with an error as problem details (RFC 9457). */
export function sendProblem(req: IncomingMessage, res: ServerResponse, error: McpoError): void {
  const tool = stateOf(req).entry?.tool;
  const body = JSON.stringify({
    ...error.toJSON(),
    instance: originalPath(req),
    requestId: res.getHeader('X-Request-Id'),
    ...(tool && { server: tool.server, tool: tool.name }),
  });
  send(
    req,
    res,
    error.status,
    { ...error.headers, 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-store' },
    body,
  );
}

/** The path as the client sent it, where Express has kept it; the query may hold secrets and is left out. */
function originalPath(req: IncomingMessage): string {
  const { originalUrl } = req as { originalUrl?: unknown };
  return typeof originalUrl === 'string' ? (originalUrl.split('?', 1)[0] ?? '') : pathOf(req);
}
