import { type JsonObject, isObject } from '../../util/json-object';
import { type Schema, isSchema, subschemas } from './keywords';
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
const HOLDERS = new Set(['$defs', 'definitions', 'components', 'schemas', 'properties']);

/** Resolves references of a schema (JSON Pointers, anchors, `$id`s) within the schema itself. Nothing is fetched. */
export class References {
  readonly root: Target;
  /** The keyword of identifiers: `id` in draft 4. */
  readonly idKeyword: '$id' | 'id';
  readonly #resources = new Map<string, JsonObject>();
  readonly #anchors = new Map<string, Target>();
  /** Whether the chain of references from a schema ends. */
  readonly #ends = new Map<Schema, boolean>();

  /** Indexes the identifiers of a schema. */
  static *of(schema: JsonObject): Steps<References> {
    const references = new References(schema);
    yield* references.#index(schema);
    return references;
  }

  private constructor(schema: JsonObject) {
    this.idKeyword = /\/draft-0[34]\//.test(String(schema.$schema)) ? 'id' : '$id';
    this.root = { schema, base: this.base(schema, NO_BASE), hint: '' };
    this.#resources.set(NO_BASE, schema);
  }

  /** The base URI inside a schema whose context has the base `outer`. */
  base(schema: JsonObject, outer: string): string {
    const id = schema[this.idKeyword];
    return typeof id === 'string' && !id.startsWith('#') ? (absolute(id, outer)?.uri ?? outer) : outer;
  }

  /** Resolves a reference; `undefined` if it is remote, dangling or circular. */
  resolve(ref: string, base: string): Target | undefined {
    const first = this.#lookup(ref, base);
    const visited = new Set<Schema>();
    let ends: boolean | undefined;
    for (let target = first; ends === undefined;) {
      const schema = target?.schema;
      const next = isObject(schema) ? refOf(schema) : undefined;
      if (!target || !schema || next === undefined) ends = true;
      else if (visited.has(schema)) ends = false;
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
    return new Set(this.#resources.values()).size > 1 ? undefined : this.resolve(ref, base);
  }

  #lookup(ref: string, base: string): Target | undefined {
    const url = absolute(ref, base);
    const resource = url && this.#resources.get(url.uri);
    if (!url || !resource) return undefined;
    const { uri, fragment } = url;
    if (fragment.startsWith('/')) return this.#point(resource, uri, fragment);
    if (fragment !== '') return this.#anchors.get(`${uri}#${fragment}`);
    return { schema: resource, base: uri, hint: uri === this.root.base ? '' : (/[^/:]+(?=\/*$)/.exec(uri)?.[0] ?? '') };
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
      const base = this.base(schema, around);
      if (base !== around && !this.#resources.has(base)) this.#resources.set(base, schema);
      for (const anchor of [schema.$anchor, schema.$dynamicAnchor, this.#plainName(schema)]) {
        if (typeof anchor === 'string') this.#anchors.set(`${base}#${anchor}`, { schema, base, hint: anchor });
      }
      for (const child of subschemas(schema)) todo.push([child, base]);
    }
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
  const hash = ref.indexOf('#');
  const uri = hash === -1 ? ref : ref.slice(0, hash);
  try {
    return {
      uri: uri === '' ? base : new URL(uri, base).href.replace(/#$/, ''),
      fragment: hash === -1 ? '' : decodeURIComponent(ref.slice(hash + 1)),
    };
  } catch {
    return undefined; // not a URI, or malformed percent-encoding
  }
}

function unescape(key: string): string {
  return key.replaceAll('~1', '/').replaceAll('~0', '~');
}
