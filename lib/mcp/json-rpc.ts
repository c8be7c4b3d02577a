import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  type JSONRPCMessage,
  type RequestId,
  isJSONRPCErrorResponse,
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
} from '@modelcontextprotocol/sdk/types.js';
import { closingQuote, revived } from '../util/exact-json';
import { isObject } from '../util/json-object';
import { INVALID_MESSAGE } from './session/failures';

/**
 * A received value as a JSON-RPC message. An invalid response becomes an error: the SDK would drop it, and its request would
 * wait for ever. `undefined` for anything else that is invalid.
 */
export function asMessage(value: unknown): JSONRPCMessage | undefined {
  if (isMessage(value)) return value;
  if (!isResponse(value)) return undefined;
  return { jsonrpc: '2.0', id: value.id, error: { code: -32603, message: 'invalid response', data: INVALID_MESSAGE } };
}

/**
 * A message that is no JSON, for example because of a NaN, as an answer without a result: its request would wait for ever.
 * `undefined` if no id of a request is in it.
 */
export function brokenAnswer(text: string): JSONRPCMessage | undefined {
  if (!text.includes('"jsonrpc"')) return undefined;
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const char = text[index];
    if (char === '{' || char === '[') depth += 1;
    else if (char === '}' || char === ']') depth -= 1;
    else if (char === '"') {
      const end = closingQuote(text, index);
      const id =
        depth === 1 && text.slice(index, end) === '"id'
          ? /^\s*:\s*(\d{1,15})/.exec(text.slice(end + 1, end + 40))
          : null;
      if (id) return { jsonrpc: '2.0', id: Number(id[1]), result: {} };
      index = end;
    }
  }
  return undefined;
}

/** Applies {@link asMessage} to a transport that does not do so itself. */
export function answerInvalidMessages(transport: Transport): void {
  const receive = transport.onmessage;
  transport.onmessage = (message, extra) => receive?.(asMessage(message) ?? message, extra);
}

/**
 * The id of a JSON-RPC response of which only both ends are known; `undefined` if neither shows it. Servers write the id before
 * the result, or after it.
 */
export function idOfEdges(head: string, tail: string): number | undefined {
  const before = /^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(\d+)\s*,/.exec(head);
  const version = /\s*,\s*"jsonrpc"\s*:\s*"2\.0"/.source;
  const after = new RegExp(`(?:${version})?\\s*,\\s*"id"\\s*:\\s*(\\d+)(?:${version})?\\s*\\}\\s*$`).exec(tail);
  const id = (before ?? after)?.[1];
  return id === undefined ? undefined : Number(id);
}

/** The id of the request that a message cancels. */
export function cancelledId(message: JSONRPCMessage): RequestId | undefined {
  if (!('method' in message) || message.method !== 'notifications/cancelled') return undefined;
  return message.params?.requestId as RequestId | undefined;
}

/** Puts numbers in place of those that have passed a transport of the SDK as marked strings. */
export function reviveNumbers(transport: Transport): void {
  const receive = transport.onmessage;
  transport.onmessage = (message, extra) => receive?.(revived(message) as JSONRPCMessage, extra);
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

/** Whether a request may be waiting for it. */
function isResponse(value: unknown): value is { readonly id: string | number } {
  return isObject(value) && value.method === undefined && isId(value.id);
}

/** The most frequent form, recognised without the SDK's schemas: the SDK validates each message once more anyway. */
function isPlainResult(value: unknown): boolean {
  if (!isObject(value) || value.jsonrpc !== '2.0' || !isId(value.id)) return false;
  return isObject(value.result) && value.result._meta === undefined && Object.keys(value).length === 3;
}

function isId(id: unknown): boolean {
  return typeof id === 'string' || Number.isInteger(id);
}
