import Ajv2020 from 'ajv/dist/2020';
import Ajv from 'ajv';
import Ajv04 from 'ajv-draft-04';
import addFormats from 'ajv-formats';
import type { Tool, ToolDefinition } from '../../lib/mcp/tools/tool';

type JsonObject = Record<string, unknown>;

/** A tool as the catalogue holds it, from its definition alone. */
export function toolOf(server: string, definition: ToolDefinition): Tool {
  const inputSchema = definition.inputSchema as JsonObject;
  let validate: ((args: unknown) => boolean) | undefined;
  const { $schema: _, type: __, properties = {}, ...rest } = inputSchema;
  const segments = definition.name.split('/');
  const path = segments.some((segment) => /^\.{0,2}$/.test(segment)) ? [definition.name] : segments;
  return {
    server,
    name: definition.name,
    path: `/${encodeURIComponent(server)}/${path.map(encodeURIComponent).join('/')}`,
    definition,
    version: '1',
    inputSchema,
    takesArguments: Object.keys({ ...(properties as JsonObject), ...rest }).length > 0,
    check: (args) =>
      (validate ??= compiled(inputSchema))(args) ? undefined : [{ pointer: '', message: 'does not fit' }],
  };
}

function compiled(schema: JsonObject): (args: unknown) => boolean {
  const dialect = String(schema.$schema);
  const options = { strict: false, allErrors: false, logger: false } as const;
  const ajv = dialect.includes('draft-04')
    ? new Ajv04(options)
    : dialect.includes('draft-07')
      ? new Ajv(options)
      : new Ajv2020(options);
  addFormats(ajv);
  try {
    return ajv.compile(schema) as (args: unknown) => boolean;
  } catch {
    return () => true;
  }
}

const NODE = {
  type: 'object',
  properties: { value: { type: 'integer', minimum: 0 }, next: { $ref: '#/$defs/Node' } },
};

/** A schema with `levels` objects inside one another. */
export function deepSchema(levels: number): JsonObject {
  let schema: JsonObject = { type: 'string', maxLength: 3 };
  for (let level = 0; level < levels; level += 1)
    schema = { type: 'object', properties: { [`p${String(level)}`]: schema } };
  return schema;
}

/** Input schemas that are odd but allowed, by what is odd about them. */
export const HOSTILE_SCHEMAS: Readonly<Record<string, JsonObject>> = {
  circular: { properties: { list: { $ref: '#/$defs/Node' } }, required: ['list'], $defs: { Node: NODE } },
  selfReference: { properties: { children: { type: 'array', items: { $ref: '#' } } } },
  pureCycle: {
    properties: { a: { $ref: '#/$defs/A' } },
    $defs: { A: { $ref: '#/$defs/B' }, B: { $ref: '#/$defs/A', type: 'string' } },
  },
  propertyPointer: {
    properties: {
      a: { type: 'object', properties: { deep: { type: 'array', items: { enum: ['x', 'y'] } } } },
      b: { $ref: '#/properties/a' },
      c: { $ref: '#/properties/a/properties/deep/items' },
    },
  },
  topReference: {
    $ref: '#/definitions/Args',
    definitions: { Args: { type: 'object', properties: { q: { type: 'string' } }, required: ['q'] } },
  },
  topAnyOf: {
    anyOf: [
      { properties: { id: { type: 'string' } }, required: ['id'] },
      { properties: { name: { type: 'string' } }, required: ['name'] },
    ],
  },
  anchors: {
    properties: { a: { $ref: '#item' }, b: { $ref: 'https://example.com/point.json' }, c: { $ref: 'point.json#x' } },
    $id: 'https://example.com/args.json',
    $defs: {
      Item: { $anchor: 'item', type: 'boolean' },
      Point: {
        $id: 'point.json',
        type: 'object',
        properties: { x: { $anchor: 'x', type: 'number' }, p: { $ref: '#' } },
      },
    },
  },
  remote: {
    properties: { a: { $ref: 'https://example.com/secret.json' }, b: { $ref: '#/$defs/missing', title: 'B' } },
  },
  escapes: {
    properties: { a: { $ref: '#/$defs/a~1b~0c' }, b: { $ref: '#/$defs/50%25%20off' }, c: { $ref: '#/$defs/Größe' } },
    $defs: { 'a/b~c': { const: 1 }, '50% off': { const: 2 }, Größe: { const: 3 } },
  },
  sameNames: {
    properties: { a: { $ref: '#/$defs/a.b' }, b: { $ref: '#/$defs/a b' }, c: { $ref: '#/$defs/a+b' } },
    $defs: { 'a.b': { const: 1 }, 'a b': { const: 2 }, 'a+b': { const: 3 } },
  },
  keywordNames: {
    properties: {
      $ref: { type: 'string' },
      $defs: { type: 'string' },
      definitions: { type: 'object', properties: { $ref: { const: '#/nowhere' } } },
      properties: { type: 'array', items: { type: 'string' } },
      nullable: { type: 'boolean' },
      enum: { enum: [{ $ref: '#/nowhere' }, { nullable: true, type: 'string' }] },
    },
    required: ['$ref', 'properties'],
    default: { $ref: '#/$defs/data' },
    examples: [{ $ref: '#', definitions: {} }],
  },
  prototypeNames: {
    properties: JSON.parse(
      '{"__proto__":{"type":"string"},"constructor":{"$ref":"#/$defs/__proto__"},"toString":{"type":"null"}}',
    ) as unknown,
    $defs: JSON.parse('{"__proto__":{"type":"integer"}}') as unknown,
    required: ['__proto__'],
  },
  draft4: {
    $schema: 'http://json-schema.org/draft-04/schema#',
    id: 'http://example.com/old',
    properties: {
      above: { type: 'number', minimum: 1, exclusiveMinimum: true },
      upTo: { type: 'number', maximum: 9, exclusiveMaximum: false },
      pair: { type: 'array', items: [{ type: 'string' }, { type: 'number' }], additionalItems: false },
      named: { $ref: '#/definitions/Old' },
    },
    definitions: { Old: { id: '#old', type: 'string' } },
  },
  draft7: {
    $schema: 'http://json-schema.org/draft-07/schema#',
    properties: { card: { type: 'string' }, address: { type: 'string' }, note: { type: 'string', nullable: true } },
    dependencies: { card: ['address'], note: { required: ['card'] } },
  },
  everyKeyword: {
    properties: {
      text: { type: 'string', minLength: 1, maxLength: 9, pattern: '^[a-z]+$', format: 'hostname', default: 'a' },
      choice: { oneOf: [{ const: 1 }, { const: null }], not: { const: 0 }, description: 'One of.' },
      list: { type: ['array', 'null'], contains: { const: 1 }, minContains: 1, maxContains: 2, uniqueItems: true },
      open: true,
      never: false,
      map: { type: 'object', patternProperties: { '^x-': { type: 'string' } }, propertyNames: { maxLength: 9 } },
      when: { if: { type: 'string' }, then: { minLength: 2 }, else: { multipleOf: 0.5 } },
    },
    additionalProperties: false,
    minProperties: 1,
  },
  union: {
    properties: {
      pet: {
        oneOf: [{ $ref: '#/$defs/Cat' }, { $ref: '#/$defs/Dog' }],
        discriminator: { propertyName: 'kind', mapping: { cat: '#/$defs/Cat', dog: 'Dog', gone: '#/$defs/Gone' } },
      },
    },
    $defs: {
      Cat: { type: 'object', properties: { kind: { const: 'cat' } }, required: ['kind'] },
      Dog: { type: 'object', properties: { kind: { const: 'dog' } }, required: ['kind'] },
    },
  },
  nonsense: {
    properties: {
      a: { type: 'any', required: true, minLength: -1, title: 7, allOf: [], items: 'string', enum: 'x' },
      b: { properties: { inner: 'string' }, examples: {}, discriminator: 'kind', externalDocs: {}, nullable: 'yes' },
      c: { $ref: 7 },
    },
  },
  deep: { properties: { deep: deepSchema(28) } },
};

/** Names that break paths, templates, identifiers or objects. */
export const HOSTILE_NAMES: readonly string[] = [
  'plain_name',
  'größe',
  '天気',
  '😀',
  'with space',
  'a/b',
  'a//b',
  'dot.name',
  'dash-name',
  '{id}',
  'x{y}z',
  '100%',
  '%2F',
  '..',
  '../up',
  '?query#hash',
  '__proto__',
  'constructor',
  'toString',
  'docs',
  'openapi.json',
  '"<script>alert(1)</script>',
  'n'.repeat(128),
];

/** Tools with every hostile schema and name, and `equal` more whose names look the same once they are made safe. */
export function hostileTools(server = 'lab', equal = 500): readonly Tool[] {
  const type = 'object' as const;
  const define = (definition: ToolDefinition): Tool => toolOf(server, definition);
  return [
    ...Object.entries(HOSTILE_SCHEMAS).map(([name, schema]) =>
      define({
        name,
        inputSchema: { type, ...schema },
        outputSchema: { type, ...schema },
      }),
    ),
    ...HOSTILE_NAMES.map((name) =>
      define({ name, inputSchema: { type, properties: { text: { type: 'string' } }, required: ['text'] } }),
    ),
    ...Array.from({ length: equal }, (_, n) =>
      define({ name: `same${String.fromCodePoint(0x3400 + n)}`, inputSchema: { type } }),
    ),
  ];
}
