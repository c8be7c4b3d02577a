import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { callerGone } from '../../errors';
import { isOwnError } from './failures';
import { type CallOptions, type CallResult, PendingCall } from './pending-call';

// The SDK counts its own requests from 0 on. These ids still fit into 32 bits.
const FIRST_ID = 2 ** 30;

/** A transport that holds something for each request. */
interface Abandoning {
  /** Releases what is held for a request whose answer is no longer waited for. */
  readonly abandon?: (id: number) => void;
}

/**
 * The `tools/call` requests of a connection, beside the SDK's own requests on the same transport. Messages about other
 * requests are passed on to the SDK. Calls through the SDK would take twice as long, because of AbortControllers and
 * schemas.
 */
export class Calls {
  readonly #send: Transport['send'];
  readonly #abandon: ((id: number) => void) | undefined;
  readonly #onError: (error: Error) => void;
  readonly #pending = new Map<number, PendingCall>();
  #nextId = FIRST_ID;
  #received = 0;

  /**
   * @param transport - a transport that the SDK is connected to
   * @param onError - called if a cancellation cannot be sent
   */
  constructor(transport: Transport & Abandoning, onError: (error: Error) => void) {
    this.#send = transport.send.bind(transport);
    this.#abandon = transport.abandon?.bind(transport);
    this.#onError = onError;
    const receive = transport.onmessage;
    transport.onmessage = (message, extra) => {
      if (!isOwnError(message)) this.#received += 1;
      if (!this.#take(message)) receive?.(message, extra);
    };
  }

  /** How many messages of all kinds the server has sent. */
  get received(): number {
    return this.#received;
  }

  /**
   * Sends `tools/call` and waits for the answer.
   *
   * @throws McpoError MCPO_CALLER_GONE, MCPO_TIMEOUT or MCPO_BAD_RESPONSE; else the error of the transport or the server
   */
  call(name: string, args: Readonly<Record<string, unknown>>, options: CallOptions): Promise<CallResult> {
    return new Promise((resolve, reject) => {
      if (options.signal.aborted) throw callerGone({ outcome: 'unknown' });
      const id = this.#nextId++;
      const ended = (isGivenUp: boolean): void => {
        this.#pending.delete(id);
        if (isGivenUp) this.#abandon?.(id);
      };
      const cancel = (reason: string): void => this.#cancel(id, reason);
      const call = new PendingCall(options, { resolve, reject, cancel, ended });
      this.#pending.set(id, call);
      const params = { name, arguments: args, _meta: { ...options.meta, progressToken: id } };
      this.#transmit({ jsonrpc: '2.0', id, method: 'tools/call', params }, (error) => {
        if (this.#pending.has(id)) call.failed(error);
      });
    });
  }

  failAll(error: unknown): void {
    for (const call of this.#pending.values()) call.failed(error);
  }

  /** Handles a message about one of these calls; returns whether it is one. */
  #take(message: JSONRPCMessage): boolean {
    if (!('method' in message)) {
      const call = this.#pending.get(Number(message.id));
      call?.answered(message);
      return call !== undefined;
    }
    if (message.method !== 'notifications/progress') return false;
    const call = this.#pending.get(Number(message.params?.progressToken));
    call?.progressed(message.params);
    return call !== undefined;
  }

  #cancel(requestId: number, reason: string): void {
    const params = { requestId, reason };
    this.#transmit({ jsonrpc: '2.0', method: 'notifications/cancelled', params }, (error) => {
      this.#onError(new Error('a cancellation could not be sent', { cause: error }));
    });
  }

  /** A transport of the host's own may throw, and may rely on the options that the SDK always passes. */
  #transmit(message: JSONRPCMessage, onFailure: (error: unknown) => void): void {
    try {
      Promise.resolve(this.#send(message, {})).catch(onFailure);
    } catch (error) {
      onFailure(error);
    }
  }
}
