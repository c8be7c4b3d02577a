import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  type JSONRPCMessage,
  isJSONRPCErrorResponse,
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
} from '@modelcontextprotocol/sdk/types.js';
import { INVALID_MESSAGE } from './session/failures';

type Fields = Readonly<Record<string, unknown>>;

/**
 * What was received as a message that the SDK knows what to do with: what it does not know it drops, and whoever waits for
 * it waits on. So what can only be an answer becomes an error; `undefined` for what is of no use to anybody.
 */
export function asMessage(value: unknown): JSONRPCMessage | undefined {
  if (isMessage(value)) return value;
  if (!isAnswer(value)) return undefined;
  return { jsonrpc: '2.0', id: value.id, error: { code: -32603, message: 'nonsense', data: INVALID_MESSAGE } };
}

/** The same for a transport that hands on whatever it is given. */
export function answerInvalidMessages(transport: Transport): void {
  const receive = transport.onmessage;
  transport.onmessage = (message, extra) => {
    receive?.(asMessage(message) ?? message, extra);
  };
}

function isMessage(value: unknown): value is JSONRPCMessage {
  return (
    isPlainResult(value) ||
    isJSONRPCResultResponse(value) ||
    isJSONRPCNotification(value) ||
    isJSONRPCErrorResponse(value) ||
    isJSONRPCRequest(value)
  );
}

/** Whether somebody may be waiting for it. */
function isAnswer(value: unknown): value is { readonly id: string | number } {
  return isObject(value) && value.method === undefined && isId(value.id);
}

/** Most messages are of this form, which is told faster than by a schema: the SDK goes through its own once more. */
function isPlainResult(value: unknown): boolean {
  if (!isObject(value) || value.jsonrpc !== '2.0' || !isId(value.id)) return false;
  return isObject(value.result) && value.result._meta === undefined && Object.keys(value).length === 3;
}

function isId(id: unknown): boolean {
  return typeof id === 'string' || Number.isInteger(id);
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
