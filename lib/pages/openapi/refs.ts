import { type JsonObject, isObject } from '../../util/json-object';
import { type Schema, isSchema, subschemas } from '../../mcp/schema/keywords';
import type { Steps } from './slices';

/** The target of a reference. */
export interface Target {
  readonly schema: Schema;
  /** The base URI of the references inside it. */
  readonly base: string;
  /** A name taken from the reference; may be empty. */
  readonly hint: string;
}

/** The base URI of a schema without `$id`; never fetched. */
const NO_BASE = 'schema://tool/';
/** Schemas indexed in one step: about a millisecond. */
const SCHEMAS_PER_STEP = 500;
/** In characters. What a longer identifier or reference leads to is not looked for. */
const MAX_URI_LENGTH = 2_048;
/** References that lead to one another. */
const MAX_CHAIN = 1_000;
const HOLDERS = new Set(['$defs', 'definitions', 'components', 'schemas', 'properties']);

/** Resolves references of a schema (JSON Pointers, anchors, `$id`s) within the schema itself. Nothing is fetched. */
export class References {
  readonly root: Target;
  /** The keyword of identifiers: `id` in draft 4. */
  readonly idKeyword: '$id' | 'id';
  readonly #resources = new Map<string, JsonObject>();
  /** By base URI and name: a text of both would repeat a long URI for each name. */
  readonly #anchors = new Map<string, Map<string, Target>>();
  /** The base URI inside each schema that has an identifier. */
  readonly #bases = new Map<JsonObject, string>();
  /** Whether the chain of references from a schema ends. */
  readonly #ends = new Map<Schema, boolean>();

  /** Indexes the identifiers of a schema. */
  static *of(schema: JsonObject): Steps<References> {
    const references = new References(schema);
    yield* references.#index(schema);
    return references;
  }

  /** Whether the schema is one resource. */
  #isOne = true;

  private constructor(schema: JsonObject) {
    this.idKeyword = /\/draft-0[34]\//.test(String(schema.$schema)) ? 'id' : '$id';
    this.root = { schema, base: this.#identify(schema, NO_BASE), hint: '' };
    this.#resources.set(NO_BASE, schema);
  }

  /** The base URI inside a schema whose context has the base `outer`. */
  base(schema: JsonObject, outer: string): string {
    return this.#bases.get(schema) ?? outer;
  }

  /** Resolves a reference; `undefined` if it is remote, dangling, circular or too long. */
  resolve(ref: string, base: string): Target | undefined {
    const first = this.#lookup(ref, base);
    const visited = new Set<Schema>();
    let ends: boolean | undefined;
    for (let target = first; ends === undefined;) {
      const schema = target?.schema;
      const next = isObject(schema) ? refOf(schema) : undefined;
      if (!target || !schema || next === undefined) ends = true;
      else if (visited.has(schema) || visited.size === MAX_CHAIN) ends = false;
      else {
        ends = this.#ends.get(schema);
        visited.add(schema);
        target = this.#lookup(next, target.base);
      }
    }
    for (const schema of visited) this.#ends.set(schema, ends);
    return ends ? first : undefined;
  }

  /** Resolves a `$dynamicRef`, which equals a `$ref` if there is only one resource. */
  resolveDynamic(ref: string, base: string): Target | undefined {
    return this.#isOne ? this.resolve(ref, base) : undefined;
  }

  #lookup(ref: string, base: string): Target | undefined {
    const url = absolute(ref, base);
    const resource = url && this.#resources.get(url.uri);
    if (!url || !resource) return undefined;
    const { uri, fragment } = url;
    if (fragment.startsWith('/')) return this.#point(resource, uri, fragment);
    if (fragment !== '') return this.#anchors.get(uri)?.get(fragment);
    const hint = uri === this.root.base ? '' : (uri.split(/[/:]/).findLast((part) => part !== '') ?? '');
    return { schema: resource, base: uri, hint };
  }

  /** Follows a JSON Pointer (RFC 6901) whose percent-encoding has been removed. */
  #point(resource: JsonObject, uri: string, pointer: string): Target | undefined {
    const path = pointer.slice(1).split('/').map(unescape);
    let value: unknown = resource;
    let base = uri;
    for (const key of path) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
      value = (value as JsonObject)[key];
      if (isObject(value)) base = this.base(value, base);
    }
    const hint = path.filter((key, index) => !HOLDERS.has(key) || index === path.length - 1).join('_');
    return isSchema(value) ? { schema: value, base, hint } : undefined;
  }

  *#index(root: JsonObject): Steps<void> {
    const todo: [unknown, string][] = [[root, NO_BASE]];
    let count = 0;
    for (let next = todo.pop(); next; next = todo.pop()) {
      const [schema, around] = next;
      if (!isObject(schema)) continue;
      count += 1;
      if (count % SCHEMAS_PER_STEP === 0) yield;
      const base = this.#identify(schema, around);
      if (base !== around && !this.#resources.has(base)) {
        this.#resources.set(base, schema);
        this.#isOne &&= schema === root;
      }
      for (const anchor of [schema.$anchor, schema.$dynamicAnchor, this.#plainName(schema)]) {
        if (typeof anchor !== 'string') continue;
        const anchors = this.#anchors.get(base) ?? new Map<string, Target>();
        this.#anchors.set(base, anchors.set(anchor, { schema, base, hint: anchor }));
      }
      for (const child of subschemas(schema)) todo.push([child, base]);
    }
  }

  #identify(schema: JsonObject, outer: string): string {
    const id = schema[this.idKeyword];
    const uri = typeof id === 'string' && !id.startsWith('#') ? absolute(id, outer)?.uri : undefined;
    if (uri !== undefined) this.#bases.set(schema, uri);
    return uri ?? outer;
  }

  /** Up to draft 7, `$id: '#name'` is an anchor. */
  #plainName(schema: JsonObject): string | undefined {
    const id = schema[this.idKeyword];
    return typeof id === 'string' && id.startsWith('#') ? id.slice(1) : undefined;
  }
}

/** The `$ref` of a schema. */
export function refOf(schema: JsonObject): string | undefined {
  return typeof schema.$ref === 'string' ? schema.$ref : undefined;
}

function absolute(ref: string, base: string): { readonly uri: string; readonly fragment: string } | undefined {
  if (ref.length > MAX_URI_LENGTH) return undefined;
  const hash = ref.indexOf('#');
  const relative = hash === -1 ? ref : ref.slice(0, hash);
  try {
    const uri = relative === '' ? base : new URL(relative, base).href;
    if (uri.length > MAX_URI_LENGTH) return undefined;
    return { uri, fragment: hash === -1 ? '' : decodeURIComponent(ref.slice(hash + 1)) };
  } catch {
    return undefined; // not a URI, or malformed percent-encoding
  }
}

function unescape(key: string): string {
  return key.replaceAll('~1', '/').replaceAll('~0', '~');
}
