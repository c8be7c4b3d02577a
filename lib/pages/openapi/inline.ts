import { isDeepStrictEqual } from 'node:util';
import { type JsonObject, isObject } from '../../util/json-object';
import { SUBSCHEMAS } from '../../mcp/schema/keywords';

/** Keywords without effect on validation. */
const ANNOTATIONS = new Set(['$comment', 'title', 'description', 'default', 'example', 'examples', 'deprecated']);

/**
 * Merges `inner`, the target of the `$ref` of `own`, into the top level of `own`, where clients look for properties. Both
 * schemas must hold: what cannot be merged stays a reference in `allOf`.
 */
export function inlined(own: JsonObject, inner: JsonObject, ref: () => string): JsonObject {
  const required = union(inner.required, own.required);
  if (Object.keys(own).every((key) => isCompatible(key, own, inner))) return { ...inner, ...own, ...required };
  const seen = isObject(inner.properties) && !('additionalProperties' in own);
  return {
    ...own,
    ...required,
    ...(seen && { properties: { ...(inner.properties as JsonObject), ...(own.properties as JsonObject | undefined) } }),
    allOf: [...((own.allOf as unknown[] | undefined) ?? []), { $ref: ref() }],
  };
}

function isCompatible(key: string, own: JsonObject, inner: JsonObject): boolean {
  if (ANNOTATIONS.has(key) || key === 'required') return true;
  // Keywords with subschemas depend on the keywords beside them.
  if (SUBSCHEMAS.has(key) || key === 'minContains' || key === 'maxContains') return false;
  return !Object.hasOwn(inner, key) || isDeepStrictEqual(own[key], inner[key]);
}

function union(first: unknown, second: unknown): { readonly required?: readonly unknown[] } {
  const names = [...new Set([first, second].flatMap((list) => (Array.isArray(list) ? (list as unknown[]) : [])))];
  return names.length > 0 ? { required: names } : {};
}
