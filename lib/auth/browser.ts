import { type Socket, isIP } from 'node:net';
import type { IncomingHttpHeaders } from 'node:http';

/** Whether the browser says that another site's page makes this request, and that site is not allowed. */
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
    // Following a link from elsewhere to a page of ours reads nothing across sites and runs no tool.
    return !(reads && headers['sec-fetch-mode'] === 'navigate');
  }
  // Older browsers send no Sec-Fetch-Site, but an Origin with every request that could change something.
  if (origin === undefined) return false;
  const host = authorityOf(headers);
  return host === undefined || hostOf(origin) !== host.toLowerCase();
}

/** The host that a request names: HTTP/2 has a pseudo-header for it (RFC 9113 section 8.3.1). */
function authorityOf(headers: IncomingHttpHeaders): string | undefined {
  const { host, ':authority': authority } = headers as { host?: string; ':authority'?: string };
  return host ?? authority;
}

/** Tells whether a request on a loopback socket names a host that is none of this machine's own names (DNS rebinding). */
export function foreignHosts(
  allowedHosts: ReadonlySet<string>,
): (headers: IncomingHttpHeaders, socket: Socket) => boolean {
  // One request after the other names the same host.
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

function isLoopbackAddress(address: string): boolean {
  const plain = address.replace(/^\[(.*)\]$/, '$1').replace(/^::ffff:/i, '');
  return plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'));
}

/** The lower-case name in a Host header, without the port; `undefined` when it is not one host. */
function hostnameOf(host: string): string | undefined {
  return /^(\[[0-9a-f:.]+\]|[^:/?#@\\\s,]+)(?::\d*)?$/i.exec(host)?.[1]?.toLowerCase();
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
