import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import type { OpenApiDocument } from '../../lib/pages/openapi/document';

/** What two independent validators have against an OpenAPI document; empty when it is valid. */
export async function openApiErrors(document: unknown): Promise<readonly string[]> {
  const source = JSON.stringify(document);
  return [...(await redoclyErrors(document)), ...(await seriousme(source))];
}

/** Structure, types, references and schemas, by rules of Redocly's own. */
export async function redoclyErrors(document: unknown): Promise<readonly string[]> {
  const source = JSON.stringify(document);
  const rules = {
    struct: 'error',
    'no-unresolved-refs': 'error',
    'spec-components-invalid-map-name': 'error',
    'operation-operationId-unique': 'error',
    'path-not-include-query': 'error',
    'no-identical-paths': 'error',
    'no-undefined-server-variable': 'error',
    'operation-operationId-url-safe': 'error',
    'security-defined': 'off',
    'no-unused-components': 'off',
  } as const;
  const config = await createConfig({ rules });
  const problems = await lintFromString({ source, absoluteRef: 'openapi.json', config });
  return problems.map(({ ruleId, message, location }) => {
    return `redocly ${ruleId}: ${message} ${location.map(({ pointer }) => pointer).join(' ')}`;
  });
}

const OPENAPI_SCHEMA = '@seriousme/openapi-schema-validator/schemas/v3.1/schema.json';

// An ES module, which jest does not load.
const SERIOUSME = `
import { Validator } from '@seriousme/openapi-schema-validator';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
const result = await new Validator().validate(JSON.parse(await text(process.stdin)));
process.stdout.write(JSON.stringify(result.valid ? [] : [result.errors].flat().map((e) => JSON.stringify(e))));
`;

/** The JSON Schema that the OpenAPI Initiative publishes. */
async function seriousme(source: string): Promise<readonly string[]> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', SERIOUSME], { cwd: __dirname });
  child.stdin.end(source);
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (output === '') throw new Error(`the validator has failed: ${errors}`);
  return (JSON.parse(output) as string[]).map((error) => `seriousme ${error}`);
}

let structure: ValidateFunction | undefined;

/** What the JSON Schema of OpenAPI 3.1 has against a document, without looking for what its references lead to. */
export function structureErrors(document: unknown): readonly string[] {
  if (!structure) {
    const ajv = new Ajv2020({ strict: false, logger: false });
    structure = ajv.compile(JSON.parse(readFileSync(require.resolve(OPENAPI_SCHEMA), 'utf8')) as object);
  }
  return structure(document) ? [] : (structure.errors ?? []).map((error) => `structure ${JSON.stringify(error)}`);
}

/** What the metaschema of JSON Schema 2020-12 has against the schemas of a document. */
export function dialectErrors(document: OpenApiDocument): readonly string[] {
  const ajv = new Ajv2020({ strict: false, logger: false });
  const contents = Object.values(document.paths).flatMap(({ post }) => [
    post.requestBody?.content['application/json'].schema ?? true,
    (post.responses[200] as { content: { 'application/json': { schema: object } } }).content['application/json'].schema,
  ]);
  return [...Object.values(document.components.schemas), ...contents].flatMap((schema) => {
    return ajv.validateSchema(schema) === true ? [] : [`dialect ${ajv.errorsText()}: ${JSON.stringify(schema)}`];
  });
}
