import { types } from 'node:util';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { McpError as RpcError } from '@modelcontextprotocol/sdk/types.js';

/**
 * Has a request that cannot be sent answered with the reason: the SDK keeps what belongs to a request until it is answered,
 * also when sending it has failed.
 */
export function answerSendFailures(transport: Transport): void {
  const send = transport.send.bind(transport);
  transport.send = async (message, options) => {
    try {
      await send(message, options);
    } catch (error) {
      if (!('method' in message && 'id' in message)) throw error;
      const data = types.isNativeError(error) ? error : new Error(String(error));
      transport.onmessage?.({ jsonrpc: '2.0', id: message.id, error: { code: -32000, message: data.message, data } });
    }
  };
}

/** Why a request could not be sent, if that is what its error says. What a server sends is JSON, and no Error. */
export function sendFailureOf(error: unknown): Error | undefined {
  return error instanceof RpcError && types.isNativeError(error.data) ? error.data : undefined;
}
