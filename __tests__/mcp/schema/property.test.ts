import Ajv from 'ajv';
import Ajv2020 from 'ajv/dist/2020';
import fc from 'fast-check';
import { compileArguments } from '../../../lib/mcp/schema/arguments';
import { SEED } from '../../support/seed';

const key = fc.constantFrom('a', 'b', 'c', 'constructor', 'a/b', '~');
const scalar = fc.oneof(fc.constantFrom('', 'x', 'long text', 0, 1, 2.5, -3, true, false, null), fc.string());

const { schema } = fc.letrec<{ schema: Record<string, unknown> }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 4 },
    fc.constant({}),
    fc.record({ type: fc.constantFrom('string', 'integer', 'boolean', 'null', ['string', 'null']) }),
    fc.record({ minLength: fc.nat(3), maxLength: fc.nat(5) }, { requiredKeys: [] }),
    fc.record({ minimum: fc.integer({ max: 3, min: -3 }), multipleOf: fc.constantFrom(1, 2) }, { requiredKeys: [] }),
    fc.record({ enum: fc.array(scalar, { minLength: 1, maxLength: 3 }) }),
    fc.record({ pattern: fc.constantFrom('^[a-z]+$', '^(x|y)*$', 'o') }),
    fc.record({ $ref: fc.constantFrom('#', '#/properties/a', '#/$defs/x') }),
    fc.record({ anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ oneOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }) }),
    fc.record({ not: tie('schema') }),
    fc.record({ type: fc.constant('array'), items: tie('schema'), uniqueItems: fc.boolean() }),
    fc.record(
      {
        type: fc.constant('object'),
        properties: fc.dictionary(key, tie('schema'), { maxKeys: 3 }),
        required: fc.uniqueArray(key, { maxLength: 2 }),
        additionalProperties: fc.oneof(fc.boolean(), tie('schema')),
      },
      { requiredKeys: ['type'] },
    ),
  ),
}));

const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(key, tie('value'), { maxKeys: 3 }),
  ),
}));

// As they come out of a body: dictionaries without a prototype, which Ajv takes for other values than plain ones, are no JSON.
const args = fc
  .dictionary(key, value, { maxKeys: 4 })
  .map((made) => JSON.parse(JSON.stringify(made)) as Record<string, unknown>);
/** What a plain Ajv says; `undefined` when it can say nothing. */
function plainAjv(inputSchema: object): (value: unknown) => boolean | undefined {
  const orUndefined = <T>(run: () => T): T | undefined => {
    try {
      return run();
    } catch {
      return undefined;
    }
  };
  const options = { strict: false, ownProperties: true, validateSchema: false, logger: false } as const;
  // What is no schema of 2020-12 is taken for one of draft-07, which may look at less: here, at no `anyOf` that holds `{}`.
  const validate =
    orUndefined(() => new Ajv2020(options).compile(inputSchema)) ??
    orUndefined(() => new Ajv(options).compile(inputSchema));
  return (value) => validate && orUndefined(() => validate(value));
}

describe(`random schemas and arguments (seed ${SEED})`, () => {
  it('get the verdict of a plain Ajv, with complaints that lead somewhere', () => {
    const seen = { fits: 0, fails: 0 };
    fc.assert(
      fc.property(
        schema,
        fc.dictionary(key, schema, { maxKeys: 3 }),
        fc.array(args, { minLength: 1, maxLength: 4 }),
        (root, properties, bodies) => {
          const inputSchema = {
            type: 'object',
            ...root,
            ...('properties' in root ? {} : { properties }),
            $defs: { x: { type: 'string' } },
          };
          const warnings: string[] = [];
          const tool = compileArguments(inputSchema, {
            warn: (message) => void warnings.push(message),
            unchecked: () => undefined,
          });
          const plain = plainAjv(inputSchema);
          for (const body of bodies) {
            const before = JSON.stringify(body);
            const errors = tool.check(body);
            const verdict = plain(body);
            expect(JSON.stringify(body)).toBe(before);
            expect(warnings.length > 0).toBe(verdict === undefined);
            // From then on, not all is checked.
            if (verdict === undefined) break;
            expect(errors === undefined).toBe(verdict);
            for (const { pointer } of errors ?? []) expect(parentOf(body, pointer)).toBeDefined();
            seen[errors ? 'fails' : 'fits'] += 1;
          }
        },
      ),
      { seed: SEED, numRuns: 150 },
    );
    expect(seen.fits).toBeGreaterThan(50);
    expect(seen.fails).toBeGreaterThan(50);
  }, 60_000);
});

/** The value that holds what a pointer points at. */
function parentOf(body: unknown, pointer: string): unknown {
  let parent = body;
  for (const token of pointer.split('/').slice(1, -1)) {
    parent = (parent as Record<string, unknown>)[token.replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  return parent;
}
