import fc from 'fast-check';
import { ODD_NAMES, type Json, json, name, nested, objectOf, objects, scalar, text } from './fuzz-values';

type Schema = Record<string, Json> | boolean;

const TYPES = ['string', 'integer', 'number', 'boolean', 'null', 'array', 'object'] as const;
const PATTERNS = [
  '^[a-z]+$',
  '^(x|y)*$',
  'o',
  '',
  '\\d',
  '^.$',
  '[^\\p{L}]',
  '(?<n>a)\\k<n>',
  '\\-',
  '[\\w-.]',
  '(',
  '\\u{110000}',
];
const FORMATS = [
  ...['date', 'date-time', 'time', 'email', 'uri', 'uuid', 'ipv4', 'ipv6', 'hostname', 'regex', 'json-pointer', 'byte'],
  ...['no-such-format', ...ODD_NAMES],
];
const REFERENCES = [
  ...['#', '#/$defs/x', '#/$defs/x', '#/$defs/y', '#/$defs/tree', '#/properties/a', '#/definitions/x', '#/$defs/none'],
  ...['#x', '#/', '##', '', 'http://example.com/x', 'x', '#/%24defs/x', '#/$defs/a~1b', '#/$defs/%', '#/$defs/a%00'],
  ...[
    '#/__proto__',
    '#/constructor',
    '#/$defs/toString',
    'constructor',
    '__proto__',
    '#toString',
    'tree.json',
    '#/$defs',
  ],
];
const DIALECTS = [
  ...['http://json-schema.org/draft-04/schema#', 'http://json-schema.org/draft-06/schema#'],
  ...['http://json-schema.org/draft-07/schema#', 'https://json-schema.org/draft/2019-09/schema'],
  ...['https://json-schema.org/draft/2020-12/schema', 'https://json-schema.org/draft/2020-12/schema'],
  ...['http://json-schema.org/schema', 'urn:none', '', 'constructor', 7, null],
];

const bound = fc.constantFrom(0, 1, 2, 3, 5, -1, 1.5, -0, 1e300);
const count = fc.constantFrom(0, 1, 2, 3);
const pattern = fc.constantFrom(...PATTERNS.slice(0, 5), ...PATTERNS);
const names = fc.uniqueArray(name, { maxLength: 3 });

/** Schemas of every keyword; `odd` ones have wrong types, unknown references and other dialects in them as well. */
function schemas(odd: boolean): fc.Arbitrary<Schema> {
  return fc.letrec<{ schema: Schema }>((tie) => {
    const schema = tie('schema');
    const list = fc.array(schema, { minLength: 1, maxLength: 3 });
    const map = objects(schema);
    const pick = <T extends string>(keys: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...keys);
    const keyword: fc.Arbitrary<[string, Json]> = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.tuple(fc.constant('type'), fc.oneof(pick(TYPES), fc.uniqueArray(pick(TYPES), { minLength: 1 }))),
      },
      { weight: 4, arbitrary: fc.tuple(fc.constant('properties'), map) },
      fc.tuple(fc.constant('const'), json),
      fc.tuple(fc.constant('enum'), fc.array(fc.oneof(json, scalar), { minLength: 1, maxLength: 4 })),
      fc.tuple(pick(['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum']), bound),
      fc.tuple(fc.constant('multipleOf'), fc.constantFrom(1, 2, 3)),
      {
        weight: 3,
        arbitrary: fc.tuple(
          pick([
            'minLength',
            'maxLength',
            'minItems',
            'maxItems',
            'minProperties',
            'maxProperties',
            'minContains',
            'maxContains',
          ]),
          count,
        ),
      },
      fc.tuple(fc.constant('pattern'), pattern),
      fc.tuple(fc.constant('uniqueItems'), fc.boolean()),
      {
        weight: 2,
        arbitrary: fc.tuple(pick(['items', 'contains', 'propertyNames', 'additionalProperties', 'not']), schema),
      },
      { weight: 2, arbitrary: fc.tuple(pick(['if', 'then', 'else']), schema) },
      { weight: 2, arbitrary: fc.tuple(pick(['allOf', 'anyOf', 'oneOf', 'prefixItems']), list) },
      fc.tuple(pick(['patternProperties']), fc.array(fc.tuple(pattern, schema), { maxLength: 2 }).map(objectOf)),
      { weight: 2, arbitrary: fc.tuple(fc.constant('required'), names) },
      fc.tuple(fc.constant('dependentRequired'), objects(names, 2)),
      fc.tuple(fc.constant('dependentSchemas'), map),
      fc.tuple(fc.constant('$ref'), fc.constantFrom(...REFERENCES.slice(0, 5))),
      fc.tuple(pick(['title', 'description', '$comment']), text),
      fc.tuple(pick(['default', 'examples']), json),
      ...(odd ? oddKeywords(schema, map) : []),
    );
    return {
      schema: fc.oneof(
        { maxDepth: 3 },
        { weight: 1, arbitrary: fc.constantFrom<Schema>(true, false, {}) },
        { weight: 8, arbitrary: fc.array(keyword, { maxLength: 3 }).map(objectOf) },
      ),
    };
  }).schema;
}

function oddKeywords(schema: fc.Arbitrary<Schema>, map: fc.Arbitrary<Json>): fc.Arbitrary<[string, Json]>[] {
  const keys = [
    ...[
      'type',
      'properties',
      'required',
      'items',
      'enum',
      'allOf',
      'not',
      '$ref',
      '$defs',
      'pattern',
      'format',
      'minimum',
    ],
    ...[
      'maxLength',
      'additionalProperties',
      'patternProperties',
      'dependentRequired',
      'if',
      '$id',
      '$anchor',
      '$schema',
    ],
    ...[
      'discriminator',
      'nullable',
      '$async',
      '$data',
      'readOnly',
      'title',
      'description',
      'deprecated',
      'xml',
      'multipleOf',
    ],
  ];
  return [
    fc.tuple(fc.constant('format'), fc.constantFrom(...FORMATS)),
    fc.tuple(fc.constantFrom('$ref', '$dynamicRef', '$recursiveRef'), fc.constantFrom(...REFERENCES)),
    fc.tuple(
      fc.constantFrom('$id', 'id', '$anchor', '$dynamicAnchor'),
      fc.constantFrom('x', '#x', 'tree.json', 'http://e/x', ...ODD_NAMES),
    ),
    fc.tuple(
      fc.constantFrom('$recursiveAnchor', 'nullable', 'exclusiveMinimum', 'exclusiveMaximum', 'required'),
      fc.boolean(),
    ),
    fc.tuple(fc.constantFrom('unevaluatedProperties', 'unevaluatedItems', 'additionalItems', 'contentSchema'), schema),
    fc.tuple(fc.constantFrom('items', 'extends', 'disallow'), fc.array(schema, { maxLength: 2 })),
    fc.tuple(fc.constantFrom('dependencies', 'definitions', '$defs'), map),
    fc.tuple(fc.constant('$schema'), fc.constantFrom(...DIALECTS)),
    fc.tuple(fc.constantFrom(...keys), json),
    fc.tuple(fc.constantFrom(...ODD_NAMES), json),
    fc.tuple(
      fc.constantFrom('not', 'items'),
      fc.constantFrom(70, 300).map((levels) => nested(levels, true, 'not')),
    ),
  ];
}

const TREE = { type: 'object', properties: { a: { $ref: '#/$defs/tree' }, b: { items: { $ref: '#/$defs/tree' } } } };

function whole(schema: fc.Arbitrary<Schema>, definition: fc.Arbitrary<Schema>): fc.Arbitrary<Record<string, Json>> {
  return fc
    .tuple(schema, fc.array(fc.tuple(name, definition), { maxLength: 3 }), definition)
    .map(([root, properties, y]) => ({
      type: 'object',
      ...(properties.length > 0 && { properties: objectOf(properties) }),
      ...(typeof root === 'object' && root),
      $defs: {
        x: { type: ['string', 'integer'] },
        y,
        tree: TREE,
        ...(typeof root === 'object' && (root.$defs as object | undefined)),
      },
    }));
}

const plain = schemas(false);
const odd = schemas(true);

/** What a server may give for an `inputSchema`: most often a schema that the reference can judge, else anything. */
export const inputSchema: fc.Arbitrary<Json> = fc.oneof(
  { weight: 8, arbitrary: whole(plain, plain) },
  { weight: 6, arbitrary: whole(odd, odd) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(whole(odd, odd), fc.constantFrom(...DIALECTS))
      .map(([schema, $schema]) => ({ ...schema, $schema })),
  },
  { weight: 1, arbitrary: json },
);
