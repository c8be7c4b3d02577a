import { types } from 'node:util';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { McpError as RpcError } from '@modelcontextprotocol/sdk/types.js';

/**
 * Makes a transport answer a request that cannot be sent with an error: the SDK keeps the state of a request until it is
 * answered, even if sending it has failed.
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

/** Why a request could not be sent; `undefined` for other errors. (An error from a server has JSON as its data, not an Error.) */
export function sendFailureOf(error: unknown): Error | undefined {
  return error instanceof RpcError && types.isNativeError(error.data) ? error.data : undefined;
}
