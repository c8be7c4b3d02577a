import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { McpoError } from '../../errors';
import { stringifyJson } from '../../util/exact-json';

/** The beginning of a JSON value: exceptions of JSON.parse are slow. */
const MAY_BE_JSON = /^[\t\n\r ]*(?:[["{\d-]|true|false|null)/;

type Item = Readonly<Record<string, unknown>>;

/**
 * The response body of a tool's result, in JSON: `structuredContent` if there is any, else a single content item, else an
 * array of items.
 *
 * @throws McpoError MCPO_TOOL_ERROR if the tool reports an error
 */
export function resultBody(result: CallToolResult): Buffer {
  failIfError(result);
  if (result.structuredContent !== undefined) return Buffer.from(stringifyJson(result.structuredContent));
  const items = itemsOf(result).map(itemJson);
  return Buffer.from(items.length === 1 ? (items[0] ?? '') : `[${items.join(',')}]`);
}

/** The whole result as JSON, with nothing unwrapped. @throws McpoError MCPO_TOOL_ERROR if the tool reports an error */
export function rawResultBody(result: CallToolResult): Buffer {
  failIfError(result);
  return Buffer.from(stringifyJson(result));
}

function failIfError(result: CallToolResult): void {
  if (result.isError !== true) return;
  const texts = itemsOf(result).flatMap((item) => (typeof item.text === 'string' ? [item.text] : []));
  throw new McpoError('MCPO_TOOL_ERROR', texts.join('\n') || 'the tool failed without a message');
}

function itemsOf(result: { readonly content?: readonly Item[] }): readonly Item[] {
  // Servers older than the 2024-11-05 specification may leave `content` out.
  return result.content ?? [];
}

function itemJson(item: Item): string {
  switch (item.type) {
    case 'text':
      if (typeof item.text === 'string') return textJson(item.text);
      break;
    case 'image':
    case 'audio':
      if (typeof item.data === 'string') return JSON.stringify(dataUrl(item.mimeType, item.data));
      break;
    case 'resource_link':
      return JSON.stringify({ uri: item.uri, name: item.name, mimeType: item.mimeType });
    case 'resource': {
      const resource = item.resource as Item | undefined;
      if (typeof resource?.text === 'string') return JSON.stringify(resource.text);
      if (typeof resource?.blob === 'string') return JSON.stringify(dataUrl(resource.mimeType, resource.blob));
      break;
    }
  }
  // Unknown kinds of content are passed on unchanged.
  return stringifyJson(item);
}

/** Text that is JSON is passed on unchanged, which preserves the digits of large numbers. */
function textJson(text: string): string {
  if (!MAY_BE_JSON.test(text)) return JSON.stringify(text);
  try {
    JSON.parse(text);
  } catch {
    return JSON.stringify(text);
  }
  // UTF-8 cannot encode a lone surrogate, but a JSON string can escape it.
  return text.isWellFormed() ? text : text.replace(/\p{Cs}/gu, (unit) => `\\u${unit.charCodeAt(0).toString(16)}`);
}

function dataUrl(mimeType: unknown, base64: string): string {
  return `data:${typeof mimeType === 'string' ? mimeType : 'application/octet-stream'};base64,${base64}`;
}
