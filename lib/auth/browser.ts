import { type Socket, isIP } from 'node:net';
import type { IncomingHttpHeaders } from 'node:http';

/** Whether a browser sends this request on behalf of another site that is not allowed. */
export function isCrossSite(
  headers: IncomingHttpHeaders,
  method: string | undefined,
  allowedOrigins: ReadonlySet<string>,
): boolean {
  const { origin, 'sec-fetch-site': site } = headers;
  if (origin !== undefined && allowedOrigins.has(origin)) return false;
  if (site === 'same-origin' || site === 'none') return false;
  if (site !== undefined) {
    const reads = method === 'GET' || method === 'HEAD';
    // A link from another site is harmless: it runs no tool and that site cannot read the page.
    return !(reads && headers['sec-fetch-mode'] === 'navigate');
  }
  // Older browsers send no Sec-Fetch-Site, but an Origin with every unsafe request.
  if (origin === undefined) return false;
  const host = authorityOf(headers);
  return host === undefined || hostOf(origin) !== host.toLowerCase();
}

/** The `Host` of a request, or `:authority` in HTTP/2 (RFC 9113 section 8.3.1). */
export function authorityOf(headers: IncomingHttpHeaders): string | undefined {
  const { host, ':authority': authority } = headers as { host?: string; ':authority'?: string };
  return host ?? authority;
}

/** Detects DNS rebinding: a request over loopback whose host is no name of this machine. */
export function foreignHosts(
  allowedHosts: ReadonlySet<string>,
): (headers: IncomingHttpHeaders, socket: Socket) => boolean {
  // Consecutive requests have the same host.
  let last: { readonly address: string; readonly host: string; readonly foreign: boolean } | undefined;
  return (headers, { localAddress: address = '' }) => {
    const host = authorityOf(headers) ?? '';
    if (last?.address !== address || last.host !== host) {
      last = { address, host, foreign: isForeign(address, host, allowedHosts) };
    }
    return last.foreign;
  };
}

function isForeign(address: string, host: string, allowedHosts: ReadonlySet<string>): boolean {
  if (!isLoopbackAddress(address)) return false;
  const name = hostnameOf(host);
  if (name === undefined) return true;
  return !(name === 'localhost' || name.endsWith('.localhost') || isLoopbackAddress(name) || allowedHosts.has(name));
}

/** Whether an IP address, of version 4 or 6, is one of this machine alone. */
export function isLoopbackAddress(address: string): boolean {
  const plain = address.replace(/^\[(.*)\]$/, '$1').replace(/^::ffff:/i, '');
  return plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'));
}

/** The lower-case host name of a Host header, without the port; `undefined` if it is malformed. */
export function hostnameOf(host: string): string | undefined {
  return /^(\[[0-9a-f:.]+\]|[^:/?#@\\\s,]+)(?::\d*)?$/i.exec(host)?.[1]?.toLowerCase();
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
