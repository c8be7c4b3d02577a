import type { IncomingMessage } from 'node:http';
import { originalPath, pathOf } from '../http/response';

/** The headers of an HTML page that loads only its own files. */
export const HTML_HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Cache-Control': 'no-cache',
  // `data:` is for the images in Swagger UI's style sheet.
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

/** Whether a request comes from a browser that wants a page to show. */
export function acceptsHtml(req: IncomingMessage): boolean {
  return req.headers.accept?.includes('text/html') ?? false;
}

/**
 * The URL of the mount path relative to that of a page, with a slash at its end. Relative URLs work below any mount path, and
 * behind a proxy that removes one.
 */
export function rootOf(req: IncomingMessage): string {
  const path = pathOf(req);
  if (path !== '/') return `./${'../'.repeat(path.split('/').length - 2)}`;
  const mounted = originalPath(req);
  return mounted.endsWith('/') ? './' : `./${mounted.slice(mounted.lastIndexOf('/') + 1)}/`;
}

/** Replaces each `{{name}}` of a template by the escaped value of that name. */
export function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => escape(values[name] ?? ''));
}

/** A text as HTML shows it, also within quotes. */
export function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
