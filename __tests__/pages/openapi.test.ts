import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import Ajv from 'ajv';
import Ajv2020 from 'ajv/dist/2020';
import * as fc from 'fast-check';
import type { ServerRegistry } from '../../lib/servers/registry';
import { ERROR_CODES } from '../../lib/errors';
import type { Tool, ToolDefinition } from '../../lib/mcp/tools/tool';
import {
  type OpenApiDocument,
  type OpenApiInput,
  type OpenApiOperation,
  openApiDocument as openApiSteps,
  openApiPages,
} from '../../lib/pages/openapi/document';
import { HOSTILE_NAMES, HOSTILE_SCHEMAS, deepSchema, hostileTools, toolOf } from '../support/hostile-tools';
import { dialectErrors, openApiErrors, redoclyErrors } from '../support/openapi-validators';
import { nested } from '../support/fuzz-values';
import { described } from '../support/policies';
import { SEED } from '../support/seed';

fc.configureGlobal({ seed: SEED });

type JsonObject = Record<string, unknown>;

/** The document, in one go. */
function openApiDocument(input: OpenApiInput): OpenApiDocument {
  const steps = openApiSteps(input);
  for (;;) {
    const step = steps.next();
    if (step.done) return JSON.parse(step.value.toString()) as OpenApiDocument;
  }
}

const NAMES = [
  ...[
    'a',
    'b',
    'c',
    'q',
    'id',
    'name',
    'list',
    'next',
    'value',
    'children',
    'deep',
    'x',
    'p',
    'card',
    'address',
    'note',
  ],
  ...[
    'text',
    'choice',
    'open',
    'never',
    'map',
    'when',
    'pet',
    'kind',
    '$ref',
    'properties',
    'enum',
    'toString',
    '__proto__',
  ],
];

type Init = Omit<Partial<ToolDefinition>, 'inputSchema'> & { readonly inputSchema?: unknown };

const define = (init: Init = {}): Tool =>
  toolOf('lab', { name: 'tool', inputSchema: { type: 'object' }, ...init } as ToolDefinition);

function documentOf(tools: readonly Tool[], options: { single?: boolean; secured?: boolean } = {}): OpenApiDocument {
  return openApiDocument({
    title: 'T',
    version: '1',
    servers: [{ name: 'lab', entries: tools.map(described) }],
    secured: false,
    ...options,
  });
}

const operations = (document: OpenApiDocument): OpenApiOperation[] =>
  Object.values(document.paths).map((item) => item.post);

function operationOf(init: Init): OpenApiOperation {
  const [operation] = operations(documentOf([define(init)], { single: true }));
  if (!operation) throw new Error('there is no operation');
  return operation;
}

/** The schema of the body of a tool with this input schema, and the components beside it. */
function written(inputSchema: JsonObject): { body: JsonObject; components: JsonObject } {
  const tool: Tool = { ...define({ inputSchema: { type: 'object', ...inputSchema } }), check: () => undefined };
  const document = documentOf([tool], { single: true });
  const body = operations(document)[0]?.requestBody?.content['application/json'].schema;
  if (!body) throw new Error('there is no body');
  const { Problem: _, ...components } = document.components.schemas;
  return { body, components };
}

const fail = (): never => {
  throw new Error('a document checks no arguments');
};

const propertiesOf = (schema: JsonObject): JsonObject => written({ properties: schema }).body.properties as JsonObject;

async function realTools(server: string, ...args: string[]): Promise<Tool[]> {
  const script = require.resolve(`@modelcontextprotocol/server-${server}/dist/index.js`);
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(
    new StdioClientTransport({ command: process.execPath, args: [script, ...args], stderr: 'ignore' }),
  );
  try {
    return (await client.listTools()).tools.map((definition) => toolOf(server, definition));
  } finally {
    await client.close();
  }
}

describe('validity, by two independent validators', () => {
  test('they find faults', async () => {
    const document = documentOf([define()]);
    const schemas = { Problem: { type: 'bogus' } };
    const broken = { ...document, servers: [{}], components: { ...document.components, schemas } };
    const errors = await openApiErrors(broken);
    expect(errors).toContainEqual(expect.stringMatching(/^redocly struct.*servers/));
    expect(errors).toContainEqual(expect.stringMatching(/^redocly struct.*Problem/));
    expect(errors).toContainEqual(expect.stringMatching(/^seriousme.*servers/));
    expect(dialectErrors({ ...document, components: { ...document.components, schemas } })).toHaveLength(1);
  });

  test.each([
    [true, false],
    [false, true],
  ])(
    'the tools of real servers (single: %s, secured: %s)',
    async (single, secured) => {
      const tools = [await realTools('everything'), await realTools('filesystem', tmpdir())];
      expect(tools.map((list) => list.length > 5)).toEqual([true, true]);
      for (const servers of single ? tools.map((list) => [list]) : [tools]) {
        const document = openApiDocument({
          title: 'Real',
          version: '1',
          servers: servers.map((list, n) => ({
            name: `s${String(n)}`,
            title: 'S',
            instructions: 'Use *it*.',
            entries: list.map(described),
          })),
          single,
          secured,
        });
        expect(operations(document)).toHaveLength(servers.flat().length);
        expect(await openApiErrors(document)).toEqual([]);
        expect(dialectErrors(document)).toEqual([]);
      }
    },
    60_000,
  );

  test.each([
    [true, false],
    [false, true],
  ])(
    'hostile tools (single: %s, secured: %s)',
    async (single, secured) => {
      const document = documentOf(hostileTools(), { single, secured });
      expect(await redoclyErrors(document)).toEqual([]);
      expect(dialectErrors(document)).toEqual([]);
      // The other validator takes a property that is called $ref for a reference.
      const others = hostileTools().filter(({ name }) => name !== 'keywordNames');
      expect(await openApiErrors(documentOf(others, { single, secured }))).toEqual([]);
    },
    60_000,
  );
});

describe('the document', () => {
  test('is the same to the byte for the same input', () => {
    expect(JSON.stringify(documentOf(hostileTools()))).toBe(JSON.stringify(documentOf(hostileTools())));
  });

  test('says what the servers say of themselves', () => {
    const described = { name: 'lab', title: 'The lab', version: '2.0', instructions: 'Be careful.', entries: [] };
    const plain = { name: 'other', entries: [] };
    const document = openApiDocument({
      title: 'T',
      version: '1',
      description: 'D',
      servers: [described, plain],
      secured: false,
    });
    expect(document).toMatchObject({ openapi: '3.1.0', info: { title: 'T', version: '1', description: 'D' } });
    expect(document.servers).toEqual([{ url: '.' }]);
    expect(document.tags).toEqual([
      { name: 'lab', description: 'Be careful.', 'x-mcp-server': { title: 'The lab', version: '2.0' } },
      { name: 'other' },
    ]);
  });

  test('asks for a key only where one is configured', () => {
    const open = documentOf([define()]);
    expect(open.security).toBeUndefined();
    expect(open.components.securitySchemes).toBeUndefined();
    expect(operations(open)[0]?.responses).not.toHaveProperty('401');
    const secured = documentOf([define()], { secured: true });
    expect(secured.security).toEqual([{ bearer: [] }, { apiKey: [] }]);
    expect(secured.components.securitySchemes).toEqual({
      bearer: { type: 'http', scheme: 'bearer' },
      apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
    });
    expect(operations(secured)[0]?.responses).toHaveProperty('401');
  });

  test('describes every error as the one problem', () => {
    const { components } = documentOf([define()], { secured: true });
    const { responses } = operationOf({});
    expect(Object.keys(responses)).toEqual([
      '200',
      '400',
      '403',
      '404',
      '413',
      '415',
      '422',
      '429',
      '500',
      '502',
      '503',
      '504',
    ]);
    expect(responses['503']).toEqual({ $ref: '#/components/responses/Problem503' });
    expect(components.responses.Problem503).toMatchObject({
      headers: { 'Retry-After': {} },
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    });
    expect(components.schemas.Problem).toMatchObject({ properties: { code: { enum: ERROR_CODES } } });
  });

  test('names no path that is a template, and every tool once', () => {
    const tools = hostileTools();
    for (const single of [true, false]) {
      const paths = Object.keys(documentOf(tools, { single }).paths);
      expect(paths).toHaveLength(tools.length);
      expect(paths.filter((path) => /[{}?#<>"\s]/.test(path))).toEqual([]);
      expect(paths).toContain(single ? '/%7Bid%7D' : '/lab/%7Bid%7D');
    }
    const braces: Tool = { ...define(), path: '/lab/{id}' };
    expect(Object.keys(documentOf([braces]).paths)).toEqual(['/lab/%7Bid%7D']);
  });
});

describe('an operation', () => {
  test('carries title, description and annotations', () => {
    const annotations = { title: 'Annotated', readOnlyHint: true };
    expect(operationOf({ annotations, title: 'Titled', description: 'What it does.' })).toMatchObject({
      operationId: 'tool',
      summary: 'Annotated',
      description: 'What it does.',
      tags: ['lab'],
      'x-mcp-annotations': annotations,
    });
    expect(operationOf({ title: 'Titled' }).summary).toBe('Titled');
    expect(operationOf({}).summary).toBe('tool');
    expect(operationOf({})).not.toHaveProperty('description');
    expect(operationOf({})).not.toHaveProperty('x-mcp-annotations');
  });

  test.each([
    ['texts that are none', { annotations: { title: 7 }, title: ['x'], description: null }, { title: 7 }],
    ['annotations that are none', { annotations: 'read only' }, undefined],
    ['annotations of null', { annotations: null }, undefined],
    ['annotations nested without end', { annotations: { a: nested(20_000) } }, undefined],
  ])('is valid with %s', (_what, definition, annotations) => {
    const operation = operationOf(definition as never);
    expect(operation.summary).toBe(operationOf({}).summary);
    expect(operation).not.toHaveProperty('description');
    expect(operation['x-mcp-annotations']).toEqual(annotations);
    expect(() => JSON.stringify(operation)).not.toThrow();
  });

  test('has no body without arguments, and asks for one only where something is required', () => {
    expect(operationOf({})).not.toHaveProperty('requestBody');
    const properties = { a: { type: 'string' } };
    expect(operationOf({ inputSchema: { type: 'object', properties } }).requestBody?.required).toBe(false);
    const inputSchema = { type: 'object', properties, required: ['a'] };
    expect(operationOf({ inputSchema }).requestBody?.required).toBe(true);
  });

  test.each<[boolean, JsonObject]>([
    [true, { minProperties: 1 }],
    [false, { required: [], minProperties: 0, properties: { a: { type: 'object', required: ['b'] } } }],
    [true, { $ref: '#/$defs/A', $defs: { A: { required: ['a'] } } }],
    [true, { allOf: [{}, { $ref: '#/$defs/A' }], $defs: { A: { allOf: [{ minProperties: 1 }] } } }],
    [true, { anyOf: [{ required: ['a'] }, { required: ['b'] }] }],
    [false, { anyOf: [{ required: ['a'] }, {}] }],
    [false, { oneOf: [{ required: ['a'] }, { $ref: '#/$defs/A' }], $defs: { A: { $ref: '#' } } }],
    [false, { $ref: 'https://example.com/remote', properties: { a: {} } }],
    [false, { required: 'a', properties: { a: { pattern: '^(a+)+$' } } }],
  ])('asks for a body (%s) by what the schema says: %j', (required, inputSchema) => {
    const tool = { ...define({ inputSchema: { type: 'object', ...inputSchema } }), check: fail };
    expect(operations(documentOf([tool]))[0]?.requestBody?.required).toBe(required);
  });

  test('answers what the output schema says, or anything', () => {
    const outputSchema = { type: 'object' as const, properties: { sum: { type: 'number', minimum: 0 } } };
    expect(operationOf({ outputSchema }).responses[200]).toMatchObject({
      description: 'The structured content of the result.',
      headers: { 'X-MCPO-Content': { schema: { type: 'integer', minimum: 1 } } },
      content: { 'application/json': { schema: outputSchema } },
    });
    expect(operationOf({}).responses[200]).toEqual({
      description: expect.stringMatching(/^The result of the tool\./),
      content: { 'application/json': { schema: {} } },
    });
  });

  test('has an id that is safe, short and unique', () => {
    const tools = hostileTools();
    for (const single of [true, false]) {
      const ids = operations(documentOf(tools, { single })).map(({ operationId }) => operationId);
      expect(new Set(ids).size).toBe(tools.length);
      expect(ids.filter((id) => !/^[\w-]{1,64}$/.test(id))).toEqual([]);
      expect(ids).toContain(single ? 'same__500' : 'lab_same__500');
    }
  });

  test('leaves a safe name alone, whatever comes before it', () => {
    const names = ['a.b', 'a b', 'a_b', 'a_b_2', 'x'.repeat(65), 'x'.repeat(64)];
    const ids = operations(
      documentOf(
        names.map((name) => define({ name })),
        { single: true },
      ),
    ).map(({ operationId }) => operationId);
    expect(ids).toEqual(['a_b_3', 'a_b_4', 'a_b', 'a_b_2', `${'x'.repeat(62)}_2`, 'x'.repeat(64)]);
  });
});

describe('a schema', () => {
  test('stays whole', () => {
    const schema = { ...HOSTILE_SCHEMAS.everyKeyword, additionalProperties: false, 'x-own': { $ref: '#/data' } };
    const { body, components } = written(schema);
    const properties = { ...(HOSTILE_SCHEMAS.everyKeyword?.properties as JsonObject), open: {} };
    expect(body).toEqual({ type: 'object', ...schema, properties });
    expect(components).toEqual({});
  });

  test('takes data for data and names for names', () => {
    const { body, components } = written({
      ...HOSTILE_SCHEMAS.keywordNames,
      properties: { ...(HOSTILE_SCHEMAS.keywordNames?.properties as JsonObject), $id: { type: 'string' } },
    });
    expect(body).toMatchObject(HOSTILE_SCHEMAS.keywordNames ?? {});
    expect(body.properties).toHaveProperty('$id', { type: 'string' });
    expect(components).toEqual({});
  });

  test('keeps properties named like the members of Object.prototype', () => {
    const { body, components } = written(HOSTILE_SCHEMAS.prototypeNames ?? {});
    expect(JSON.stringify(body.properties)).toBe(
      '{"__proto__":{"type":"string"},"constructor":{"$ref":"#/components/schemas/tool.__proto__"},"toString":{"type":"null"}}',
    );
    expect(components).toEqual({ 'tool.__proto__': { type: 'integer' } });
  });

  test.each([65, 5_000])('of %i levels is not shown', (levels) => {
    const { body } = written({ properties: { deep: deepSchema(levels) } });
    expect(body).toEqual({ description: 'The schema of the MCP server is too large to be shown.' });
  });

  test('that would grow without measure is not shown', () => {
    let schema: JsonObject = Object.fromEntries(
      Array.from({ length: 2_000 }, (_, n) => [`p${String(n)}`, { type: 'string' }]),
    );
    schema = { type: 'object', properties: schema };
    let pointer = '#';
    const refs: JsonObject[] = [];
    for (let level = 0; level < 25; level += 1) {
      schema = { items: schema };
      pointer += '/items';
      refs.push({ $ref: pointer });
    }
    const { body, components } = written({ ...schema, anyOf: refs });
    expect(body).toEqual({ description: 'The schema of the MCP server is too large to be shown.' });
    expect(components).toEqual({});
  });

  test('of an old draft is put into new words', () => {
    const { body, components } = written({ ...HOSTILE_SCHEMAS.draft4 });
    expect(body).toEqual({
      type: 'object',
      properties: {
        above: { type: 'number', exclusiveMinimum: 1 },
        upTo: { type: 'number', maximum: 9 },
        pair: { type: 'array', prefixItems: [{ type: 'string' }, { type: 'number' }], items: false },
        named: { $ref: '#/components/schemas/tool.Old' },
      },
    });
    expect(components).toEqual({ 'tool.Old': { type: 'string' } });
    const draft7 = written({ ...HOSTILE_SCHEMAS.draft7 }).body;
    expect(draft7).toEqual({
      type: 'object',
      properties: { card: { type: 'string' }, address: { type: 'string' }, note: { type: ['string', 'null'] } },
      dependentRequired: { card: ['address'] },
      dependentSchemas: { note: { required: ['card'] } },
    });
    expect(written({ dependencies: { a: ['b'] }, dependentRequired: { c: ['d'] } }).body).toMatchObject({
      dependentRequired: { a: ['b'], c: ['d'] },
    });
    expect(propertiesOf({ a: { nullable: true }, b: { items: [{}] }, c: { additionalItems: false } })).toEqual({
      a: {},
      b: { prefixItems: [{}] },
      c: {},
    });
  });

  test('that makes no sense becomes one that does', () => {
    expect(propertiesOf(HOSTILE_SCHEMAS.nonsense?.properties as JsonObject)).toEqual({
      a: {},
      b: { properties: { inner: {} } },
      c: { description: expect.stringContaining('refers to 7') as unknown },
    });
    const { requestBody, responses } = operationOf({
      inputSchema: { type: 'object', properties: { a: {} }, dependencies: 'x', required: ['a', 'a'] },
      outputSchema: 'no schema' as never,
    });
    expect(requestBody?.content['application/json'].schema).toEqual({
      type: 'object',
      properties: { a: {} },
      required: ['a'],
    });
    expect(responses[200]).toMatchObject({ content: { 'application/json': { schema: {} } } });
  });
});

describe('a reference', () => {
  test('leads into the components and keeps what stands beside it', () => {
    const { body, components } = written({
      properties: { a: { $ref: '#/$defs/A', description: 'D' } },
      $defs: { A: { type: 'string' }, Unused: {} },
    });
    expect(body.properties).toEqual({ a: { $ref: '#/components/schemas/tool.A', description: 'D' } });
    expect(components).toEqual({ 'tool.A': { type: 'string' } });
  });

  test('stays finite where it is circular', () => {
    const { body, components } = written(HOSTILE_SCHEMAS.circular ?? {});
    expect(body).toHaveProperty('properties.list', { $ref: '#/components/schemas/tool.Node' });
    expect(components).toEqual({
      'tool.Node': {
        type: 'object',
        properties: { value: { type: 'integer', minimum: 0 }, next: { $ref: '#/components/schemas/tool.Node' } },
      },
    });
    const own = written(HOSTILE_SCHEMAS.selfReference ?? {});
    expect(own.components).toEqual({ 'tool.input': own.body });
  });

  test('to a property is one to a copy of it', () => {
    const { body, components } = written(HOSTILE_SCHEMAS.propertyPointer ?? {});
    const properties = body.properties as JsonObject;
    expect(properties).toMatchObject({
      a: (HOSTILE_SCHEMAS.propertyPointer?.properties as JsonObject).a as JsonObject,
      b: { $ref: '#/components/schemas/tool.a' },
      c: { $ref: '#/components/schemas/tool.a_deep_items' },
    });
    expect(components).toEqual({ 'tool.a': properties.a, 'tool.a_deep_items': { enum: ['x', 'y'] } });
  });

  test('is found by anchor and by $id', () => {
    const { body, components } = written(HOSTILE_SCHEMAS.anchors ?? {});
    expect(body.properties).toEqual({
      a: { $ref: '#/components/schemas/tool.item' },
      b: { $ref: '#/components/schemas/tool.point.json' },
      c: { $ref: '#/components/schemas/tool.x' },
    });
    expect(components).toEqual({
      'tool.item': { type: 'boolean' },
      'tool.point.json': {
        type: 'object',
        properties: { x: { type: 'number' }, p: { $ref: '#/components/schemas/tool.point.json' } },
      },
      'tool.x': { type: 'number' },
    });
    const nested = written({
      $id: 'https://example.com/a/',
      properties: { p: { $id: 'b/', properties: { q: { $id: 'c/', $ref: '../d' } } } },
      $defs: { D: { $id: 'b/d', const: 1 } },
    });
    expect(nested.components).toEqual({ 'tool.d': { const: 1 } });
  });

  test('is unescaped', () => {
    const { body, components } = written(HOSTILE_SCHEMAS.escapes ?? {});
    const values = Object.values(body.properties as Record<string, { $ref: string }>);
    const names = values.map(({ $ref }) => $ref.slice('#/components/schemas/'.length));
    expect(names.map((name) => components[name])).toEqual([{ const: 1 }, { const: 2 }, { const: 3 }]);
    expect(names.filter((name) => !/^[\w.-]+$/.test(name))).toEqual([]);
  });

  test('never shares its name with another', () => {
    expect(Object.keys(written(HOSTILE_SCHEMAS.sameNames ?? {}).components)).toEqual([
      'tool.a.b',
      'tool.a_b',
      'tool.a_b_2',
    ]);
    const schema = { type: 'object' as const, properties: { a: { $ref: '#/$defs/A' } } };
    const document = documentOf([
      define({
        inputSchema: { ...schema, $defs: { A: { const: 1 } } },
        outputSchema: { ...schema, $defs: { A: { const: 2 } } },
      }),
    ]);
    expect(document.components.schemas).toMatchObject({ 'lab_tool.A': { const: 1 }, 'lab_tool.A_2': { const: 2 } });
  });

  test.each([
    'https://example.com/secret.json',
    '#/$defs/missing',
    '#/$defs/A/type',
    '#missing',
    '#/$defs/%E0%A4%A',
    'http://[',
    '#/$defs/Cycle',
  ])('that leads nowhere takes anything: %s', (ref) => {
    const { body, components } = written({
      properties: { a: { $ref: ref }, b: { $ref: ref, description: 'Own.' } },
      $defs: { A: { type: 'string' }, Cycle: { $ref: '#/$defs/Back' }, Back: { $ref: '#/$defs/Cycle' } },
    });
    const note = `Any value: the MCP server's schema refers to "${ref}", which leads nowhere in it.`;
    expect(body.properties).toEqual({ a: { description: note }, b: { description: `Own.\n\n${note}` } });
    expect(components).toEqual({});
  });

  test('to a boolean schema is that', () => {
    const properties = { a: { $ref: '#/$defs/Yes', title: 'A' }, b: { $ref: '#/$defs/No' } };
    const { body, components } = written({ properties, $defs: { Yes: true, No: false } });
    expect(body.properties).toEqual({ a: { title: 'A' }, b: { not: {} } });
    expect(components).toEqual({});
  });

  test('to a schema that takes nothing takes nothing, whatever stands beside it', () => {
    const { body } = written({ $ref: '#/$defs/No', not: { type: 'null' }, $defs: { No: false } });
    expect(body).toEqual({ type: 'object', not: {} });
  });

  test('that is dynamic is static in a schema of one resource, and unknown in one of several', () => {
    const properties = { a: { $dynamicRef: '#node' }, b: { $recursiveRef: '#' } };
    const $defs = { Node: { $dynamicAnchor: 'node', type: 'string' } };
    const { body, components } = written({ properties, $defs });
    expect(body.properties).toEqual({
      a: { $ref: '#/components/schemas/tool.node' },
      b: { $ref: '#/components/schemas/tool.input' },
    });
    expect(components).toHaveProperty(['tool.node'], { type: 'string' });
    const several = written({ properties, $defs: { ...$defs, Other: { $id: 'other' } } });
    expect(several.body.properties).toHaveProperty('a.description', expect.stringContaining('leads nowhere'));
  });

  test('in the mapping of a discriminator leads into the components too', () => {
    const { body } = written(HOSTILE_SCHEMAS.union ?? {});
    expect(body).toHaveProperty('properties.pet.discriminator', {
      propertyName: 'kind',
      mapping: { cat: '#/components/schemas/tool.Cat', dog: '#/components/schemas/tool.Dog' },
    });
    const discriminator = { propertyName: 'kind' };
    expect(propertiesOf({ a: { discriminator } })).toEqual({ a: { discriminator } });
    expect(propertiesOf({ a: { discriminator: { ...discriminator, mapping: { x: 1 } } } })).toEqual({
      a: { discriminator: { ...discriminator, mapping: {} } },
    });
  });

  test('into a circle of thousands is told at once', () => {
    const circle = Array.from({ length: 5_000 }, (_, n) => [
      `D${String(n)}`,
      { $ref: `#/$defs/D${String((n + 1) % 5_000)}` },
    ]);
    const properties = Array.from({ length: 5_000 }, (_, n) => [`p${String(n)}`, { $ref: `#/$defs/D${String(n)}` }]);
    const schema = { properties: Object.fromEntries(properties), $defs: Object.fromEntries(circle) } as JsonObject;
    const before = process.cpuUsage().user;
    expect(written(schema).components).toEqual({});
    expect(process.cpuUsage().user - before).toBeLessThan(5_000_000);
  });

  test('a thousand long is followed', () => {
    const $defs = Object.fromEntries(
      Array.from({ length: 1_000 }, (_, n) => [
        `D${String(n)}`,
        { properties: { next: { $ref: `#/$defs/D${String(n + 1)}` } } },
      ]),
    );
    const { components } = written({
      properties: { a: { $ref: '#/$defs/D0' } },
      $defs: { ...$defs, D1000: { const: 1 } },
    });
    expect(Object.keys(components)).toHaveLength(1_001);
  });
});

describe('a reference at the top', () => {
  const Args = { type: 'object', properties: { q: { type: 'string' } }, required: ['q'], additionalProperties: false };
  const $defs = { Args, Via: { $ref: '#/$defs/Args', title: 'Via' } };

  test('is replaced by what it leads to', () => {
    const { body, components } = written({ $ref: '#/$defs/Via', description: 'D', required: ['r'], $defs });
    expect(body).toEqual({ ...Args, title: 'Via', description: 'D', required: ['q', 'r'] });
    expect(components).toEqual({});
  });

  test('shows its properties even where both cannot be one schema', () => {
    const { body, components } = written({ $ref: '#/$defs/Args', properties: { r: { const: 1 } }, $defs });
    expect(body).toEqual({
      type: 'object',
      properties: { q: { type: 'string' }, r: { const: 1 } },
      required: ['q'],
      allOf: [{ $ref: '#/components/schemas/tool.Args' }],
    });
    expect(components).toEqual({ 'tool.Args': Args });
    const closed = written({ $ref: '#/$defs/Args', additionalProperties: false, allOf: [{}], $defs });
    expect(closed.body).toEqual({
      type: 'object',
      required: ['q'],
      additionalProperties: false,
      allOf: [{}, { $ref: '#/components/schemas/tool.Args' }],
    });
  });

  test('is replaced sixteen times and then left', () => {
    const links = Array.from({ length: 20 }, (_, n) => [`D${String(n)}`, { $ref: `#/$defs/D${String(n + 1)}` }]);
    const { body } = written({ $ref: '#/$defs/D0', $defs: { ...Object.fromEntries(links), D20: Args } as JsonObject });
    expect(body).toEqual({ type: 'object', $ref: '#/components/schemas/tool.D16' });
  });

  test('that leads nowhere takes any object', () => {
    expect(written({ $ref: '#' }).body).toEqual({
      type: 'object',
      description: expect.stringContaining('refers to "#"') as unknown,
    });
  });
});

describe('the meaning of a schema', () => {
  const values = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom(null, true, 0, 1, 2, 9, -1, '', 'a', 'x', 'abc', 'cat'),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...NAMES), tie('value'), { maxKeys: 5, noNullPrototype: true }),
    ),
  })).value;

  /** What `run` returns, or `undefined` when the validator runs in circles or is broken. */
  const unlessBroken = <T>(run: () => T): T | undefined => {
    try {
      return run();
    } catch (error) {
      if (error instanceof RangeError) return undefined;
      // What Ajv 8.20 makes of 2020-12 may use a variable that it has not declared ("props0 is not defined").
      if (error instanceof ReferenceError) return undefined;
      throw error;
    }
  };

  const ajv7 = new Ajv({ strict: false, logger: false });
  const ajv2020 = new Ajv2020({ strict: false, logger: false });
  const compiledBody = (schema: JsonObject): ((value: unknown) => unknown) => {
    const { body, components } = written(schema);
    return ajv2020.compile({ ...body, components: { schemas: components } });
  };

  const meaningful = Object.keys(HOSTILE_SCHEMAS).filter(
    (name) => !['pureCycle', 'remote', 'nonsense', 'draft4'].includes(name),
  );

  test.each(meaningful)('stays the same: %s', (name) => {
    const raw = { type: 'object', ...HOSTILE_SCHEMAS[name] };
    const tool = define({ inputSchema: raw });
    const validate = compiledBody(raw);
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...NAMES), values, { maxKeys: 5, noNullPrototype: true }), (value) => {
        expect(validate(value)).toBe(tool.check(value) === undefined);
      }),
    );
  });

  const schemas = fc.letrec<{ schema: JsonObject | boolean }>((tie) => ({
    schema: fc.oneof(
      { maxDepth: 4, depthIdentifier: 'schema' },
      fc.constantFrom<JsonObject | boolean>(
        true,
        false,
        { type: 'string' },
        { type: ['number', 'null'] },
        { enum: [1, 'a'] },
      ),
      fc.constantFrom('#/$defs/A', '#/definitions/B', '#', '#/properties/a', '#an').map(($ref) => ({ $ref })),
      fc.record(
        {
          properties: fc.dictionary(fc.constantFrom('a', 'b', '$ref'), tie('schema'), { noNullPrototype: true }),
          required: fc.uniqueArray(fc.constantFrom('a', 'b')),
          additionalProperties: tie('schema'),
          minimum: fc.integer({ min: 0, max: 3 }),
          items: fc.oneof(tie('schema'), fc.array(tie('schema'), { minLength: 1, maxLength: 2 })),
          additionalItems: tie('schema'),
          anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }),
          not: tie('schema'),
          dependencies: fc.dictionary(fc.constantFrom('a', 'b'), fc.oneof(tie('schema'), fc.constant(['b'])), {
            noNullPrototype: true,
          }),
          $ref: fc.constantFrom('#/$defs/A', '#/definitions/B'),
        },
        { requiredKeys: [], noNullPrototype: true },
      ),
    ),
  })).schema;

  const leadsBack = (schema: unknown, places: Record<string, unknown>): boolean => {
    let at = schema;
    for (const _ of Object.keys(places)) {
      const ref = typeof at === 'object' ? (at as JsonObject).$ref : undefined;
      if (typeof ref !== 'string' || !(ref in places)) return false;
      at = places[ref];
    }
    return true;
  };

  test('stays the same: any schema of draft 7', () => {
    const definitions = fc.record({ A: schemas, B: schemas, a: schemas, top: schemas }, { noNullPrototype: true });
    fc.assert(
      fc.property(definitions, fc.array(values, { minLength: 10, maxLength: 10 }), ({ A, B, a, top }, samples) => {
        const rest = typeof top === 'boolean' ? {} : top;
        const places: Record<string, unknown> = {
          '#': rest,
          '#/$defs/A': A,
          '#/definitions/B': B,
          '#/properties/a': a,
        };
        // A reference that leads back to itself means nothing, and validators differ in what they make of it.
        fc.pre(!Object.values(places).some((place) => leadsBack(place, places)));
        const anchored = { $id: '#an', anyOf: [B, { const: 1 }] };
        const own = (rest.properties ?? {}) as JsonObject;
        const raw = {
          type: 'object',
          ...rest,
          properties: { ...own, a },
          $defs: { A, An: anchored },
          definitions: { B },
        };
        const before = unlessBroken(() => ajv7.compile(raw));
        fc.pre(before !== undefined);
        const after = compiledBody({ ...raw, $schema: 'http://json-schema.org/draft-07/schema#' });
        for (const value of samples) {
          const expected = unlessBroken(() => before(value));
          const found = unlessBroken(() => after(value));
          if (expected !== undefined && found !== undefined) expect(found).toBe(expected);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('the pages', () => {
  const lab = {
    name: 'lab',
    info: { title: 'The lab', version: '2.0', instructions: 'Be careful.' },
    catalogue: { entries: hostileTools('lab', 3).map(described) },
  };
  const down = { name: 'down', info: undefined, catalogue: { entries: [] } };
  const servers = { all: [lab, down] } as unknown as ServerRegistry;
  const pages = openApiPages(servers, { title: 'All', version: '3', description: undefined }, false);
  const server = createServer((req, res) => {
    const [, first] = (req.url ?? '').split('/');
    const server = servers.all.find(({ name }) => name === first);
    if (server) void pages.server['openapi.json']?.(req, res, server);
    else void pages.all['/openapi.json']?.(req, res);
  });
  let base = '';

  beforeAll(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    base = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const read = async (path: string): Promise<OpenApiDocument> => {
    const response = await fetch(`${base}${path}`);
    expect(response.headers.get('content-type')).toBe('application/json');
    return (await response.json()) as OpenApiDocument;
  };

  test('describe all servers, and each alone', async () => {
    const all = await read('/openapi.json');
    expect(all.info).toEqual({ title: 'All', version: '3' });
    expect(Object.keys(all.paths)).toContain('/lab/plain_name');
    const one = await read('/lab/openapi.json');
    expect(one.info).toEqual({ title: 'The lab', version: '2.0', description: 'Be careful.' });
    expect(Object.keys(one.paths)).toContain('/plain_name');
    expect((await read('/down/openapi.json')).info).toEqual({ title: 'down', version: '3' });
  });

  test('are built once for all who ask at the same time', async () => {
    let reads = 0;
    const [first] = hostileTools('lab', 0).map(described);
    if (!first) throw new Error('there is no tool');
    const tool = Object.defineProperty({ ...first.tool }, 'inputSchema', {
      get: () => {
        reads += 1;
        return first.tool.inputSchema;
      },
    });
    const entries = lab.catalogue.entries;
    lab.catalogue = { entries: [{ ...first, tool }] };
    const answers = await Promise.all([1, 2, 3].map(() => read('/lab/openapi.json')));
    lab.catalogue = { entries };
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(reads).toBe(1);
  });

  test('follow a change of the list', async () => {
    const before = await read('/lab/openapi.json');
    expect(await read('/lab/openapi.json')).toEqual(before);
    lab.catalogue = { entries: [described(define({ name: 'new' }))] };
    expect(Object.keys((await read('/lab/openapi.json')).paths)).toEqual(['/new']);
    expect(Object.keys((await read('/openapi.json')).paths)).toEqual(['/lab/new']);
  });
});

test('the hostile tools cover what they say', () => {
  expect(HOSTILE_NAMES.length).toBeGreaterThan(20);
  expect(hostileTools()).toHaveLength(HOSTILE_NAMES.length + Object.keys(HOSTILE_SCHEMAS).length + 500);
});
