import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPError } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { BufferedBytes } from '../util/buffered-bytes';
import { withMarks } from '../util/exact-json';
import { lowerCaseKeys } from '../util/json-object';
import type { Logger } from '../util/logger';
import type { TransportSpec } from './transport-spec';
import { Upstream } from './http/fetch';
import { HttpTransport } from './http/transport';
import { StdioTransport } from './stdio/transport';

/** Makes a transport, without starting it. The caller's `headers` are added to the server's own. */
export async function makeTransport(
  spec: TransportSpec,
  headers: Readonly<Record<string, string>>,
  { logger, buffers }: { readonly logger: Logger; readonly buffers: BufferedBytes },
): Promise<Transport> {
  switch (spec.kind) {
    case 'stdio':
      return new StdioTransport(spec, logger, buffers);
    case 'custom':
      return spec.connect({ headers });
    case 'http': {
      // In lower case, so that a caller's header replaces the server's own.
      const all = { ...basicAuth(spec.url), ...lowerCaseKeys(spec.headers), ...headers };
      const url = Object.assign(new URL(spec.url), { username: '', password: '' });
      return spec.mode === 'sse' ? sse(url, all, buffers) : new HttpTransport(url, all, buffers);
    }
  }
}

function sse(url: URL, headers: Readonly<Record<string, string>>, buffers: BufferedBytes): Transport {
  const upstream = new Upstream(buffers);
  const transport = new SSEClientTransport(url, {
    async fetch(target, init) {
      const response = await upstream.fetch(target, init);
      if (response.ok || init?.method !== 'POST') return response;
      // The error of the SDK has no status, which is needed to understand it.
      await response.body?.cancel();
      throw new StreamableHTTPError(response.status, 'the message was rejected');
    },
    requestInit: { headers },
  });
  const send = transport.send.bind(transport);
  transport.send = (message) => send(withMarks(message) as JSONRPCMessage);
  const close = transport.close.bind(transport);
  transport.close = async () => {
    await close();
    upstream.abort();
  };
  return transport;
}

/** `fetch` rejects URLs with credentials, and its error would show them. */
function basicAuth({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === '' && password === '') return {};
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` };
}
