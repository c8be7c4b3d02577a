import { modernized } from './drafts';
import { inlined } from './inline';
import { type JsonObject, exceeds, isObject } from '../../util/json-object';
import { SUBSCHEMAS, type Schema, isSchema } from '../../mcp/schema/keywords';
import { References, type Target, refOf } from './refs';
import type { Steps } from './slices';

/** Larger schemas are of no use, and clients recurse through them. */
const MAX_DEPTH = 64;
const MAX_SIZE = 50_000;
/** This many characters of a text count as one value. */
const CHARACTERS_PER_VALUE = 32;
/** Schemas written in one step: about a millisecond. */
const SCHEMAS_PER_STEP = 200;
/** The maximum number of consecutive references at the top level that are replaced. */
const MAX_CHAIN = 16;

/** Stands for a schema that is not shown. */
export const TOO_LARGE: JsonObject = { description: 'The schema of the MCP server is too large to be shown.' };

/** Keywords whose subschema is often a boolean. Elsewhere some clients expect an object. */
const BOOLEAN = new Set(['additionalProperties', 'unevaluatedItems', 'unevaluatedProperties']);

/** The place of a schema in the document. */
export interface SchemaPlace {
  /** The tool's part of the document's `components/schemas`, to which referenced schemas are added. */
  readonly components: Map<string, Schema>;
  /** The prefix of the names of added components, unique to the tool. Has no dot. */
  readonly prefix: string;
  /** The name of the schema itself, if it refers to itself. */
  readonly self: string;
}

/**
 * Writes a tool's schema for an OpenAPI 3.1 document: its top level in place, all references into `components/schemas`. A
 * dangling reference becomes a schema that allows any value, with a note.
 */
export function* documentSchema(schema: JsonObject, place: SchemaPlace): Steps<JsonObject> {
  if (!isExcessive(schema)) {
    const writer = new SchemaWriter(yield* References.of(schema), place);
    const top = yield* writer.top();
    const components = yield* writer.components();
    if (!writer.isFull) {
      for (const [name, component] of components) place.components.set(name, component);
      return top;
    }
  }
  return TOO_LARGE;
}

class SchemaWriter {
  readonly #references: References;
  readonly #place: SchemaPlace;
  readonly #names = new Map<JsonObject, string>();
  readonly #targets: Target[] = [];
  readonly #used = new Set<string>();
  /** The next number to try for a name. */
  readonly #numbers = new Map<string, number>();
  #size = 0;
  #written = 0;

  constructor(references: References, place: SchemaPlace) {
    this.#references = references;
    this.#place = place;
  }

  /** Whether the schema has become too large. */
  get isFull(): boolean {
    return this.#size > MAX_SIZE;
  }

  /** The schema itself. References at its top level are replaced by their targets. */
  *top(): Steps<JsonObject> {
    const chain: { readonly own: JsonObject; readonly target: Target }[] = [];
    let { schema, base } = this.#references.root as { schema: JsonObject; base: string };
    while (chain.length < MAX_CHAIN) {
      const ref = refOf(schema);
      const target = ref === undefined ? undefined : this.#references.resolve(ref, base);
      if (!target || !isObject(target.schema)) break;
      const { $ref: _, ...rest } = schema;
      chain.push({ own: yield* this.#write(rest, base), target });
      ({ schema, base } = target as { schema: JsonObject; base: string });
    }
    return chain.reduceRight(
      (inner, { own, target }) => inlined(own, inner, () => this.#pointer(target)),
      yield* this.#write(schema, base),
    );
  }

  /** All referenced schemas; iterative, as a chain of references may be long. */
  *components(): Steps<readonly [string, Schema][]> {
    const components: [string, Schema][] = [];
    for (const target of this.#targets) {
      components.push([this.#name(target), yield* this.#write(target.schema as JsonObject, target.base)]);
    }
    return components;
  }

  *#write(source: JsonObject, base: string): Steps<JsonObject> {
    this.#written += 1;
    if (this.#written % SCHEMAS_PER_STEP === 0) yield;
    const schema = modernized(source, this.#references.idKeyword);
    const keys = Object.keys(schema);
    this.#size += 1 + keys.length;
    for (const key of keys) this.#size += lengthOf(schema[key]);
    if (this.isFull) return {};
    const written: [string, unknown][] = [];
    for (const key of keys) written.push([key, yield* this.#value(key, schema[key], base)]);
    return this.#referring(Object.fromEntries(written), base);
  }

  *#value(key: string, value: unknown, base: string): Steps<unknown> {
    if (key === 'discriminator') return this.#discriminator(value as JsonObject, base);
    const kind = SUBSCHEMAS.get(key);
    if (kind === undefined) return value;
    if (kind === 'one') return yield* this.#child(key, value, base);
    const children: [string, Schema][] = [];
    for (const [name, schema] of Object.entries(value as JsonObject)) {
      children.push([name, yield* this.#child(key, schema, base)]);
    }
    return kind === 'list' ? children.map(([, child]) => child) : Object.fromEntries(children);
  }

  *#child(key: string, schema: unknown, base: string): Steps<Schema> {
    if (isObject(schema)) return yield* this.#write(schema, this.#references.base(schema, base));
    return schema === false || (BOOLEAN.has(key) && isSchema(schema)) ? schema : {};
  }

  /** Makes the reference of a schema one into the components. */
  #referring(schema: JsonObject, base: string): JsonObject {
    const { $ref, $dynamicRef, $recursiveRef, ...rest } = schema;
    const ref = $ref ?? $dynamicRef ?? $recursiveRef;
    if (ref === undefined) return schema;
    const how = $ref === undefined ? 'resolveDynamic' : 'resolve';
    const target = typeof ref === 'string' ? this.#references[how](ref, base) : undefined;
    if (target?.schema === false) return { ...rest, not: {} };
    if (target?.schema === true) return rest;
    if (target) return { $ref: this.#pointer(target), ...rest };
    const note = `Any value: the MCP server's schema refers to ${JSON.stringify(ref).slice(0, 200)}, which leads nowhere in it.`;
    return { ...rest, description: typeof rest.description === 'string' ? `${rest.description}\n\n${note}` : note };
  }

  /** The values of a mapping are references or names of definitions. */
  #discriminator(discriminator: JsonObject, base: string): JsonObject {
    const { mapping, ...rest } = discriminator;
    if (!isObject(mapping)) return rest;
    const entries = Object.entries(mapping).flatMap(([value, ref]) => {
      if (typeof ref !== 'string') return [];
      const target = [ref, `#/$defs/${ref}`, `#/definitions/${ref}`]
        .map((candidate) => this.#references.resolve(candidate, base))
        .find((found) => isObject(found?.schema));
      return target ? [[value, this.#pointer(target)]] : [];
    });
    return { ...rest, mapping: Object.fromEntries(entries) };
  }

  #pointer(target: Target): string {
    return `#/components/schemas/${this.#name(target)}`;
  }

  #name(target: Target): string {
    const schema = target.schema as JsonObject;
    const known = this.#names.get(schema);
    if (known !== undefined) return known;
    const stem = `${this.#place.prefix}.${target.hint.replace(/[^\w.-]/gu, '_').slice(0, 100) || this.#place.self}`;
    const name = this.#unique(stem);
    this.#names.set(schema, name);
    this.#targets.push(target);
    return name;
  }

  #unique(stem: string): string {
    for (let n = this.#numbers.get(stem) ?? 1; ; n += 1) {
      const name = n === 1 ? stem : `${stem}_${n}`;
      if (this.#place.components.has(name) || this.#used.has(name)) continue;
      this.#numbers.set(stem, n + 1);
      this.#used.add(name);
      return name;
    }
  }
}

/** What a value, written again for each reference around it, adds to the size besides its subschemas. */
function lengthOf(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  return typeof value === 'string' ? value.length / CHARACTERS_PER_VALUE : 0;
}

/** Whether a schema, including the data in it, is too deep or too large. */
export function isExcessive(schema: JsonObject): boolean {
  return exceeds(schema, MAX_DEPTH, MAX_SIZE);
}
