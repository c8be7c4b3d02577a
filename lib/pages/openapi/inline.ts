import { isDeepStrictEqual } from 'node:util';
import { type JsonObject, SUBSCHEMAS, isJsonObject } from './keywords';

/** Say something of the schema, nothing of the values. */
const ANNOTATIONS = new Set(['$comment', 'title', 'description', 'default', 'example', 'examples', 'deprecated']);

/**
 * The schema `own` that had `inner` as its `$ref`, with the content of `inner` at its top level: readers look for
 * properties there. Both must hold, as with the reference; what cannot be said in one schema stays a reference in `allOf`.
 */
export function inlined(own: JsonObject, inner: JsonObject, ref: () => string): JsonObject {
  const required = union(inner.required, own.required);
  if (Object.keys(own).every((key) => isCompatible(key, own, inner))) return { ...inner, ...own, ...required };
  const seen = isJsonObject(inner.properties) && !('additionalProperties' in own);
  return {
    ...own,
    ...required,
    ...(seen && { properties: { ...(inner.properties as JsonObject), ...(own.properties as JsonObject | undefined) } }),
    allOf: [...((own.allOf as unknown[] | undefined) ?? []), { $ref: ref() }],
  };
}

function isCompatible(key: string, own: JsonObject, inner: JsonObject): boolean {
  if (ANNOTATIONS.has(key) || key === 'required') return true;
  // Keywords that hold schemas act on what their neighbours left over.
  if (SUBSCHEMAS.has(key) || key === 'minContains' || key === 'maxContains') return false;
  return !Object.hasOwn(inner, key) || isDeepStrictEqual(own[key], inner[key]);
}

function union(first: unknown, second: unknown): { readonly required?: readonly unknown[] } {
  const names = [...new Set([first, second].flatMap((list) => (Array.isArray(list) ? (list as unknown[]) : [])))];
  return names.length > 0 ? { required: names } : {};
}
