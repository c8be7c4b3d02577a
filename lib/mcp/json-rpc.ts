import {
  type JSONRPCMessage,
  isJSONRPCErrorResponse,
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
} from '@modelcontextprotocol/sdk/types.js';

type Fields = Readonly<Record<string, unknown>>;

/** Whether the SDK knows what to do with it: what it does not know it drops, and whoever waits for it waits on. */
export function isMessage(value: unknown): value is JSONRPCMessage {
  return (
    isPlainResult(value) ||
    isJSONRPCResultResponse(value) ||
    isJSONRPCNotification(value) ||
    isJSONRPCErrorResponse(value) ||
    isJSONRPCRequest(value)
  );
}

/** Whether somebody may be waiting for it. */
export function isAnswer(value: unknown): value is { readonly id: string | number } {
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
