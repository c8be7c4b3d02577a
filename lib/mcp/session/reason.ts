import { types } from 'node:util';
import { SseError } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPError } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { messageOf } from '../../util/listeners';
import { shortageOf } from '../../util/shortage';
import type { TransportSpec } from '../transport-spec';

// A server may answer with a whole page.
const MAX_LENGTH = 500;
const MAX_CAUSES = 10;

type Explanation = readonly [pattern: RegExp, what: string, remedy: string];

/** By the code of a system error, or the message of one without a code. */
const NETWORK: readonly Explanation[] = [
  [/^ECONNREFUSED$/, 'nothing listens there', 'is it running, and is the port right?'],
  [/^(?:ENOTFOUND|EAI_AGAIN)$/, 'the host name cannot be resolved', 'check the host in url'],
  [
    /^(?:EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ETIMEDOUT)$/,
    'there is no way to the host',
    'check the network',
  ],
  [/CERT|SELF_SIGNED|UNABLE_TO_/, 'its certificate is not trusted', 'start Node with NODE_EXTRA_CA_CERTS=<its CA>'],
  [/^(?:ERR_SSL_|EPROTO)|wrong version number/, 'it speaks no TLS', 'http:// instead of https:// in url?'],
];

const COMMAND_REMEDY =
  'is it installed, and on the PATH of this process? A service (systemd, cron) needs an absolute path to npx or uvx';

/** Why a server cannot be reached, for its operator: the cause, the address without credentials and query, and what may help. */
export function reasonOf(error: unknown, spec: TransportSpec): string {
  if (spec.kind !== 'http') {
    const isMissing = spec.kind === 'stdio' && causesOf(error).some(({ code }) => code === 'ENOENT');
    return `${messageOf(error).slice(0, MAX_LENGTH)}${isMissing ? `; ${COMMAND_REMEDY}` : ''}`;
  }
  const { origin, pathname } = spec.url;
  const { what, remedy } = httpReason(error);
  return `${what} (${origin}${pathname})${remedy === undefined ? '' : `; ${remedy}`}`;
}

interface Reason {
  readonly what: string;
  readonly remedy?: string;
}

function httpReason(error: unknown): Reason {
  const message = messageOf(error).slice(0, MAX_LENGTH);
  const status = error instanceof StreamableHTTPError || error instanceof SseError ? (error.code ?? 0) : 0;
  if (status === 401 || status === 403) {
    return { what: `it refuses the credentials with status ${status}`, remedy: 'check headers' };
  }
  if (status === 404 || status === 405) {
    return { what: `it answers with status ${status}`, remedy: 'check the path in url: often /mcp or /sse' };
  }
  if (status >= 400) return { what: `it answers with status ${status}: ${message}` };
  if (/content[ -]type/i.test(message)) {
    return {
      what: `it does not answer as an MCP server: ${message}`,
      remedy: 'check the path in url: often /mcp or /sse',
    };
  }
  for (const { code, text } of causesOf(error)) {
    const shortage = shortageOf(code);
    if (shortage) return shortage;
    const known = NETWORK.find(([pattern]) => pattern.test(code ?? text));
    if (known) return { what: `${known[1]} (${code ?? text})`.slice(0, MAX_LENGTH), remedy: known[2] };
  }
  const last = causesOf(error).at(-1);
  return { what: last && last.text !== message ? `${message}: ${last.text}`.slice(0, MAX_LENGTH) : message };
}

/** An error and what is behind it, the first of several tried addresses included. */
function causesOf(error: unknown): readonly { readonly code: string | undefined; readonly text: string }[] {
  const causes: { code: string | undefined; text: string }[] = [];
  for (let each = error; types.isNativeError(each) && causes.length < MAX_CAUSES;) {
    const { code, errors } = each as NodeJS.ErrnoException & Partial<AggregateError>;
    causes.push({ code: typeof code === 'string' ? code : undefined, text: each.message });
    each = each.cause ?? (errors as unknown[] | undefined)?.[0];
  }
  return causes;
}
