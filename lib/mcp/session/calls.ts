import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { type CallOptions, type CallResult, PendingCall, callerGone } from './pending-call';

// The SDK counts its own requests from 0 on; a server that takes ids for 32 bits has room for these, too.
const FIRST_ID = 2 ** 30;

/**
 * The `tools/call` requests that are under way on a connection, beside the SDK's own on the same transport: what is about none
 * of these is left to the SDK. Its way of sending a request takes twice as long with the limits of time of a {@link
 * PendingCall} put around it, for an AbortController more and the schemas that each answer goes through.
 */
export class Calls {
  readonly #send: Transport['send'];
  readonly #onError: (error: Error) => void;
  readonly #pending = new Map<number, PendingCall>();
  #nextId = FIRST_ID;

  /**
   * @param transport - one that the SDK has been connected to
   * @param onError - told when a cancellation cannot be sent
   */
  constructor(transport: Transport, onError: (error: Error) => void) {
    this.#send = transport.send.bind(transport);
    this.#onError = onError;
    const receive = transport.onmessage;
    transport.onmessage = (message, extra) => {
      if (!this.#take(message)) receive?.(message, extra);
    };
  }

  /**
   * Sends `tools/call` and waits for the answer.
   *
   * @throws McpoError MCPO_CALLER_GONE, MCPO_TIMEOUT or MCPO_BAD_RESPONSE; else whatever the transport throws, or the error
   * that the server answers
   */
  call(name: string, args: Readonly<Record<string, unknown>>, options: CallOptions): Promise<CallResult> {
    return new Promise((resolve, reject) => {
      if (options.signal.aborted) throw callerGone();
      const id = this.#nextId++;
      const ended = (cancelledFor?: string): void => {
        this.#pending.delete(id);
        if (cancelledFor !== undefined) this.#cancel(id, cancelledFor);
      };
      const call = new PendingCall(options, { resolve, reject, ended });
      this.#pending.set(id, call);
      const params = { name, arguments: args, _meta: { ...options.meta, progressToken: id } };
      this.#transmit({ jsonrpc: '2.0', id, method: 'tools/call', params }, (error) => {
        if (this.#pending.has(id)) call.failed(error);
      });
    });
  }

  /** Nothing will be answered any more. */
  failAll(error: unknown): void {
    for (const call of this.#pending.values()) call.failed(error);
  }

  /** Whether a message is about one of these calls. */
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

  /** A transport of an app's own may do anything, and may count on the options that the SDK always gives. */
  #transmit(message: JSONRPCMessage, onFailure: (error: unknown) => void): void {
    try {
      Promise.resolve(this.#send(message, {})).catch(onFailure);
    } catch (error) {
      onFailure(error);
    }
  }
}
