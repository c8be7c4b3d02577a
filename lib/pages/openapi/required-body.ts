import { isObject } from '../../util/json-object';
import type { Schema } from '../../mcp/schema/keywords';

const COMPONENT = '#/components/schemas/';

/**
 * Whether `{}`, which a request without a body stands for, is certainly no valid value of a schema: by `required` and
 * `minProperties`, also inside `$ref`, `allOf`, `anyOf` and `oneOf`.
 *
 * @param schema - as written for the document, with its references into `components`
 */
export function requiresBody(schema: Schema, components: ReadonlyMap<string, Schema>): boolean {
  // A schema in progress says nothing more about itself.
  const visited = new Set<Schema>();
  function requires(part: unknown): boolean {
    if (!isObject(part) || visited.has(part)) return false;
    visited.add(part);
    const { required, minProperties, $ref, allOf, anyOf, oneOf } = part;
    if (Array.isArray(required) && required.length > 0) return true;
    if (typeof minProperties === 'number' && minProperties > 0) return true;
    if (typeof $ref === 'string' && requires(components.get($ref.slice(COMPONENT.length)))) return true;
    if (Array.isArray(allOf) && allOf.some(requires)) return true;
    return [anyOf, oneOf].some((branches) => Array.isArray(branches) && branches.every(requires));
  }
  return requires(schema);
}
