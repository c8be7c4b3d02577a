import type { ServerRegistry } from '../../servers/registry';
import { send } from '../../http/response';
import type { McpServer } from '../../servers/server';
import { isWrapped } from '../../mcp/tools/result';
import type { Tool } from '../../mcp/tools/tool';
import type { ToolPolicy } from '../../calls/policy';
import { type JsonObject, isObject } from '../../util/json-object';
import type { Schema } from '../../mcp/schema/keywords';
import { operationIds } from './operation-ids';
import { PROBLEM_SCHEMA, problemReferences, problemResponses } from './problems';
import { requiresBody } from './required-body';
import { TOO_LARGE, documentSchema, isExcessive } from './schema';
import { type Steps, inSlices } from './slices';
import type { Page, ServerPage } from '../pages';

/** No reader takes larger documents. Tools beyond it are listed without their schemas. */
const MAX_BYTES = 32 * 1024 * 1024;

/** A server in the document. */
export interface DescribedServer {
  /** Its name in the options. */
  readonly name: string;
  readonly title?: string | undefined;
  readonly version?: string | undefined;
  readonly instructions?: string | undefined;
  readonly entries: readonly DescribedTool[];
}

/** A tool in the document. */
export interface DescribedTool {
  readonly tool: Tool;
  readonly policy: ToolPolicy;
}

/** The input of an OpenAPI document. */
export interface OpenApiInput {
  readonly title: string;
  readonly version: string;
  readonly description?: string | undefined;
  readonly servers: readonly DescribedServer[];
  /** Whether it describes one server and is served below it: paths and operationIds are without the server. */
  readonly single?: boolean | undefined;
  /** Whether credentials are required. */
  readonly secured: boolean;
}

/** The operation of a tool. */
export interface OpenApiOperation {
  /** The tool's name in safe characters: clients use it as the name of a function. */
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly requestBody?: {
    readonly required: boolean;
    readonly content: { readonly 'application/json': { readonly schema: JsonObject } };
  };
  readonly responses: JsonObject;
  readonly 'x-mcp-annotations'?: JsonObject;
  readonly 'x-mcpo-policy': ToolPolicy;
}

/** An OpenAPI 3.1 document. */
export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string; readonly description?: string };
  readonly servers: readonly { readonly url: string }[];
  readonly security?: readonly JsonObject[];
  readonly tags: readonly JsonObject[];
  readonly paths: Readonly<Record<string, { readonly post: OpenApiOperation }>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly responses: JsonObject;
    readonly securitySchemes?: JsonObject;
  };
}

/**
 * Describes tools as OpenAPI 3.1: the JSON of an {@link OpenApiDocument}. Deterministic, byte for byte. Each tool is a step
 * or more, of which only its bytes stay.
 */
export function* openApiDocument(input: OpenApiInput): Steps<Buffer> {
  const { secured, single = false } = input;
  const entries = input.servers.flatMap((server) => server.entries);
  const ids = operationIds(entries, ({ tool }) => (single ? tool.name : `${tool.server}_${tool.name}`));
  const problems = problemReferences(secured);
  const paths: Buffer[] = [];
  const schemas = [member('Problem', PROBLEM_SCHEMA)];
  let bytes = 0;
  for (const [{ tool, policy }, id] of ids) {
    const components = new Map<string, Schema>();
    const shown = bytes > MAX_BYTES ? withoutSchemas(tool) : tool;
    const post: OpenApiOperation = { ...(yield* operation(shown, id, components, problems)), 'x-mcpo-policy': policy };
    const path = member(pathOf(tool, single), { post });
    paths.push(path);
    bytes += path.length;
    for (const [name, schema] of components) {
      const component = member(name, schema);
      schemas.push(component);
      bytes += component.length;
      yield;
    }
    yield;
  }
  const others: Omit<OpenApiDocument['components'], 'schemas'> = {
    responses: problemResponses(secured),
    ...(secured && {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      },
    }),
  };
  return yield* joined([
    Buffer.from(`${JSON.stringify(headOf(input)).slice(0, -1)},"paths":{`),
    ...separated(paths),
    Buffer.from('},"components":{"schemas":{'),
    ...separated(schemas),
    Buffer.from(`},${JSON.stringify(others).slice(1)}}`),
  ]);
}

function headOf(input: OpenApiInput): Omit<OpenApiDocument, 'paths' | 'components'> {
  return {
    openapi: '3.1.0',
    info: {
      title: input.title,
      version: input.version,
      ...(input.description !== undefined && { description: input.description }),
    },
    // Relative to the URL of the document, hence independent of the mount path.
    servers: [{ url: '.' }],
    ...(input.secured && { security: [{ bearer: [] }, { apiKey: [] }] }),
    tags: input.servers.map(tag),
  };
}

/** A member of an object, as JSON. */
function member(name: string, value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(name)}:${JSON.stringify(value)}`);
}

function separated(members: readonly Buffer[]): readonly Buffer[] {
  const comma = Buffer.from(',');
  return members.flatMap((each, index) => (index === 0 ? [each] : [comma, each]));
}

/** As `Buffer.concat()`, in steps. */
function* joined(pieces: readonly Buffer[]): Steps<Buffer> {
  const whole = Buffer.allocUnsafeSlow(pieces.reduce((length, piece) => length + piece.length, 0));
  let length = 0;
  for (const piece of pieces) {
    length += piece.copy(whole, length);
    yield;
  }
  return whole;
}

/** The tool in a document that is too large already. */
function withoutSchemas(tool: Tool): Tool {
  const { outputSchema: _, ...definition } = tool.definition;
  return { ...tool, definition, inputSchema: TOO_LARGE };
}

/** The tool's path below the document's. A brace would make it a template. */
function pathOf(tool: Tool, single: boolean): string {
  const path = single ? tool.path.slice(tool.path.indexOf('/', 1)) : tool.path;
  return path.replaceAll('{', '%7B').replaceAll('}', '%7D');
}

function tag({ name, title, version, instructions }: DescribedServer): JsonObject {
  return {
    name,
    ...(instructions !== undefined && { description: instructions }),
    ...(title !== undefined && { 'x-mcp-server': { title, ...(version !== undefined && { version }) } }),
  };
}

function* operation(
  tool: Tool,
  operationId: string,
  components: Map<string, Schema>,
  problems: JsonObject,
): Steps<Omit<OpenApiOperation, 'x-mcpo-policy'>> {
  const { annotations: hints, title, description, outputSchema } = tool.definition;
  // The values come from the server: an invalid one must not break the document.
  const annotations = isObject(hints) && !isExcessive(hints) ? hints : undefined;
  const place = { components, prefix: operationId };
  const args = tool.takesArguments && (yield* documentSchema(tool.inputSchema, { ...place, self: 'input' }));
  const hasSchema = isObject(outputSchema);
  const result = hasSchema ? yield* documentSchema(bodySchema(outputSchema), { ...place, self: 'output' }) : {};
  return {
    operationId,
    summary: [annotations?.title, title].find((value) => typeof value === 'string') ?? tool.name,
    ...(typeof description === 'string' && { description }),
    tags: [tool.server],
    ...(args && {
      requestBody: {
        required: requiresBody(args, components),
        content: { 'application/json': { schema: args } },
      },
    }),
    responses: {
      200: {
        description: hasSchema
          ? 'The structured content of the result.'
          : 'The result of the tool. Images, audio, resources and links follow structured content in an array.',
        ...(hasSchema && { headers: { 'X-MCPO-Content': COMPANIONS } }),
        content: { 'application/json': { schema: result } },
      },
      ...problems,
    },
    ...(annotations && { 'x-mcp-annotations': annotations }),
  };
}

const COMPANIONS = {
  description:
    'How many images, audio, resources and links the result has beside this; `Accept: application/vnd.mcp+json` gives them.',
  schema: { type: 'integer', minimum: 1 },
};

/** The schema of the body: what FastMCP has wrapped is opened. */
function bodySchema(outputSchema: JsonObject): JsonObject {
  const { properties, $schema, $defs, definitions } = outputSchema;
  if (!isWrapped(outputSchema) || !isObject(properties) || !isObject(properties['result'])) return outputSchema;
  return JSON.parse(JSON.stringify({ $schema, $defs, definitions, ...properties['result'] })) as JsonObject;
}

/** Serves the document of all servers at `/openapi.json`, and of one at `/:server/openapi.json`. */
export function openApiPages(
  registry: ServerRegistry,
  info: Pick<OpenApiInput, 'title' | 'version' | 'description'>,
  secured: boolean,
): { readonly all: Readonly<Record<string, Page>>; readonly server: Readonly<Record<string, ServerPage>> } {
  const all = cachedPage(() => ({ ...info, servers: registry.all.map(described), secured }));
  const single = new Map<McpServer, Page>();
  const server: ServerPage = (req, res, one) => {
    let page = single.get(one);
    if (!page) {
      page = cachedPage(() => {
        const only = described(one);
        const { title = only.name, version = info.version, instructions: description } = only;
        return { title, version, description, servers: [only], single: true, secured };
      });
      single.set(one, page);
    }
    return page(req, res);
  };
  return { all: { '/openapi.json': all }, server: { 'openapi.json': server } };
}

function described(server: McpServer): DescribedServer {
  return { name: server.name, ...server.info, entries: server.catalogue.entries };
}

/** Builds a document once for all who ask, and caches it until its input changes. An unchanged tool is the same object. */
function cachedPage(inputNow: () => OpenApiInput): Page {
  let cached: { readonly facts: readonly unknown[]; readonly body: Promise<Buffer> } | undefined;
  return async function openApi(req, res) {
    const input = inputNow();
    const facts = input.servers.flatMap(({ entries, ...server }) => [...Object.values(server), ...entries]);
    if (cached?.facts.length !== facts.length || !cached.facts.every((fact, index) => fact === facts[index])) {
      cached = { facts, body: inSlices(openApiDocument(input)) };
    }
    const headers = { 'Cache-Control': 'no-cache', 'X-Content-Type-Options': 'nosniff' };
    send(req, res, 200, { ...headers, 'Content-Type': 'application/json' }, await cached.body);
  };
}
