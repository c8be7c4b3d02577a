import { types } from 'node:util';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { Logger } from '../../util/logger';
import { RateLimited, notSent } from './failures';
import { StdioTransport } from '../stdio/transport';
import type { TransportSpec } from '../transport-spec';
import { makeTransport } from '../transport';

// A server may answer with a whole page.
const MAX_REASON = 500;
const CLOSE_TIMEOUT_MS = 5_000;

/** What making a connection needs to know. */
export interface OpenOptions {
  /** How long starting the server and the handshake may take, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** Headers of a caller, on top of the server's own. */
  readonly headers: Readonly<Record<string, string>>;
  readonly logger: Logger;
  /** Gives up. */
  readonly signal: AbortSignal;
}

/**
 * Makes a transport and has `connect` initialise it, both within the time there is: the SDK's own limit does not bound
 * every transport. Leaves nothing behind when that fails.
 *
 * @throws McpoError MCPO_SERVER_DOWN, with the reason as its cause, or MCPO_UPSTREAM_RATE_LIMITED
 */
export async function shakeHands<T>(
  spec: TransportSpec,
  options: OpenOptions,
  connect: (transport: Transport) => Promise<T>,
): Promise<T> {
  const { connectTimeoutMs, headers, logger, signal } = options;
  const limit = timeLimit(connectTimeoutMs, signal);
  const made = makeTransport(spec, headers, logger);
  let transport: Transport | undefined;
  try {
    // In this order: after an abort nothing is started.
    transport = await Promise.race([limit.over, made]);
    return await Promise.race([limit.over, connect(transport)]);
  } catch (error) {
    const said = transport instanceof StdioTransport ? transport.lastWords : '';
    if (transport) await closeTransport(transport, logger);
    // A transport that comes too late is closed as soon as it does.
    else void made.then((late) => closeTransport(late, logger)).catch(() => undefined);
    if (error instanceof RateLimited) throw error;
    const reason = (types.isNativeError(error) ? error.message : String(error)).slice(0, MAX_REASON);
    // What a process prints may hold secrets: it is for the log, not for a message that callers may see.
    const cause = said === '' ? error : new Error(`${reason}; it says: ${said}`, { cause: error });
    throw notSent(`the MCP server cannot be reached: ${reason}`, cause);
  } finally {
    limit.clear();
  }
}

/** Closes a transport, also one of an app's own that throws or never comes to an end. */
export async function closeTransport(transport: Transport, logger: Logger): Promise<void> {
  const limit = timeLimit(CLOSE_TIMEOUT_MS);
  try {
    await Promise.race([limit.over, transport.close()]);
  } catch (error) {
    logger.debug(`mcpo: closing failed: ${String(error)}`);
  } finally {
    limit.clear();
  }
}

function timeLimit(ms: number, signal?: AbortSignal): { readonly over: Promise<never>; readonly clear: () => void } {
  let end!: (error: Error) => void;
  const over = new Promise<never>((_resolve, reject) => (end = reject));
  // It may end when nobody waits any more.
  over.catch(() => undefined);
  const onAbort = (): void => {
    end(new Error('the router is shutting down'));
  };
  const timer = setTimeout(() => {
    end(new Error(`it did not answer within ${String(ms)} ms`));
  }, ms).unref();
  if (signal?.aborted) onAbort();
  else signal?.addEventListener('abort', onAbort, { once: true });
  return {
    over,
    clear() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    },
  };
}
