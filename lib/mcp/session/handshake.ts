import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { BufferedBytes } from '../../util/buffered-bytes';
import type { Logger } from '../../util/logger';
import { withTimeout } from '../../util/timeout';
import { RateLimited, notSent } from './failures';
import { reasonOf } from './reason';
import { StdioTransport } from '../stdio/transport';
import type { TransportSpec } from '../transport-spec';
import { makeTransport } from '../transport';

const CLOSE_TIMEOUT_MS = 5_000;

/** Why a process could not be used, in its own words: for the log alone. */
export class ProcessSays extends Error {}

/** Options of a new connection. */
export interface OpenOptions {
  /** The maximum time for starting the server and the handshake, in milliseconds. */
  readonly connectTimeoutMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly logger: Logger;
  /** What the router holds. */
  readonly buffers: BufferedBytes;
  readonly signal: AbortSignal;
}

/**
 * Makes a transport and initialises it with `connect`, within the time limit. (The SDK's own limit does not cover every
 * transport.) Cleans up if that fails.
 *
 * @throws McpoError MCPO_SERVER_DOWN, with the reason as its cause, or MCPO_UPSTREAM_RATE_LIMITED
 */
export async function shakeHands<T>(
  spec: TransportSpec,
  options: OpenOptions,
  connect: (transport: Transport) => Promise<T>,
): Promise<T> {
  const { connectTimeoutMs, headers, logger, signal } = options;
  const made = makeTransport(spec, headers, options);
  let transport: Transport | undefined;
  let hasEnded = false;
  const open = async (): Promise<T> => {
    const unstarted = await made;
    if (hasEnded || signal.aborted) throw new Error('the transport is not needed any more');
    transport = unstarted;
    return connect(unstarted);
  };
  try {
    return await withTimeout(open(), connectTimeoutMs, () => lateAfter(connectTimeoutMs), signal);
  } catch (error) {
    hasEnded = true;
    const output = transport instanceof StdioTransport ? transport.output : '';
    if (transport) await closeTransport(transport, logger);
    else void made.then((late) => closeTransport(late, logger)).catch(() => undefined);
    if (error instanceof RateLimited) throw error;
    const reason = signal.aborted ? 'the router is shutting down' : reasonWith(transport, error, spec);
    // The output of a process may hold secrets: it is for the log, not for callers.
    const cause =
      output === ''
        ? error
        : new ProcessSays(`the MCP server cannot be reached: ${reason}; it says: ${output}`, { cause: error });
    throw notSent(`the MCP server cannot be reached: ${reason}`, cause);
  }
}

function reasonWith(transport: Transport | undefined, error: unknown, spec: TransportSpec): string {
  const exit = transport instanceof StdioTransport ? transport.exit : undefined;
  return exit === undefined ? reasonOf(error, spec) : `its process has ended ${exit}`;
}

/** Closes a transport. One of the host's own may throw or never end. */
export async function closeTransport(transport: Transport, logger: Logger): Promise<void> {
  try {
    await withTimeout(transport.close(), CLOSE_TIMEOUT_MS, () => lateAfter(CLOSE_TIMEOUT_MS));
  } catch (error) {
    logger.debug(`mcpo: closing failed: ${String(error)}`);
  }
}

function lateAfter(ms: number): Error {
  return new Error(`it did not answer within ${ms} ms`);
}
