import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { McpoError } from '../../errors';
import { stringifyJson } from '../../util/exact-json';
import { isObject } from '../../util/json-object';
import type { ToolDefinition } from './tool';

/** The beginning of a JSON value: exceptions of JSON.parse are slow. */
const MAY_BE_JSON = /^[\t\n\r ]*(?:[["{\d-]|true|false|null)/;

/** What the results of a tool are read with. */
type Schema = ToolDefinition['outputSchema'];

type Item = Readonly<Record<string, unknown>>;

/** The body of a response, and how many items of the result are only in the whole result. */
export interface ResultBody {
  readonly body: Buffer;
  readonly companions: number;
}

/**
 * The response body of a tool's result, in JSON: `structuredContent` if there is any, else a single content item, else an
 * array of items.
 *
 * Beside structured content, texts are its rendering. Other items are companions: where the tool has an output schema they are
 * counted, as the body must match it, else they follow in an array.
 *
 * @throws McpoError MCPO_TOOL_ERROR if the tool reports an error
 */
export function resultBody(result: CallToolResult, outputSchema?: Schema): ResultBody {
  failIfError(result);
  const items = itemsOf(result);
  if (result.structuredContent === undefined) return { body: bodyOf(items.map(itemJson)), companions: 0 };
  const structured = stringifyJson(unwrapped(result, outputSchema));
  const companions = items.filter(({ type }) => type !== 'text');
  if (isObject(outputSchema)) return { body: Buffer.from(structured), companions: companions.length };
  return { body: bodyOf([structured, ...companions.map(itemJson)]), companions: 0 };
}

function bodyOf(items: readonly string[]): Buffer {
  return Buffer.from(items.length === 1 ? (items[0] ?? '') : `[${items.join(',')}]`);
}

/** Whether FastMCP puts what is no object into one as `result`. */
export function isWrapped(outputSchema: unknown): boolean {
  return isObject(outputSchema) && outputSchema['x-fastmcp-wrap-result'] === true;
}

function unwrapped({ structuredContent, _meta: meta }: CallToolResult, outputSchema: Schema): unknown {
  const isMarked = isWrapped(outputSchema) || (isObject(meta?.fastmcp) && meta.fastmcp['wrap_result'] === true);
  const isEnvelope = isObject(structuredContent) && Object.keys(structuredContent).join() === 'result';
  return isMarked && isEnvelope ? structuredContent['result'] : structuredContent;
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
      return stringifyJson({ ...item, type: undefined });
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
