import { ERROR_CODES } from '../../errors';
import type { JsonObject } from '../../util/json-object';

/** The schema of all errors (RFC 9457). */
export const PROBLEM_SCHEMA: JsonObject = {
  type: 'object',
  description: 'Problem details (RFC 9457).',
  required: ['type', 'title', 'status', 'detail', 'code'],
  properties: {
    type: { type: 'string', format: 'uri', description: 'The kind of problem.' },
    title: { type: 'string', description: 'The title of the kind of problem.' },
    status: { type: 'integer', description: 'The HTTP status.' },
    detail: { type: 'string', description: 'What went wrong.' },
    instance: { type: 'string', format: 'uri-reference', description: 'The path that was called.' },
    code: { type: 'string', enum: ERROR_CODES, description: 'The stable code of the kind of problem.' },
    requestId: { type: 'string', description: 'The `X-Request-Id` of the response.' },
    server: { type: 'string' },
    tool: { type: 'string' },
    outcome: { type: 'string', enum: ['unknown'], description: 'Present if the tool may have run.' },
    errors: {
      type: 'array',
      description: 'The validation errors in the arguments.',
      items: {
        type: 'object',
        required: ['pointer', 'message'],
        properties: {
          pointer: { type: 'string', description: 'A JSON Pointer (RFC 6901) into the request body.' },
          message: { type: 'string' },
        },
      },
    },
  },
};

const RETRY_AFTER = { 'Retry-After': { description: 'When to try again, in seconds.', schema: { type: 'integer' } } };

const PROBLEMS: Readonly<Record<string, JsonObject & { readonly description: string }>> = {
  400: { description: 'The body is not a JSON object, or the MCP server rejected the request.' },
  401: {
    description: 'The credentials are missing or wrong.',
    headers: { 'WWW-Authenticate': { description: 'The required credentials.', schema: { type: 'string' } } },
  },
  403: { description: 'The origin or the host of the request is not allowed.' },
  404: { description: 'Unknown server or tool.' },
  413: { description: 'The body is too large.' },
  415: { description: 'The body is not JSON.' },
  422: { description: 'The arguments do not match the input schema.' },
  429: { description: 'The MCP server is called too often.', headers: RETRY_AFTER },
  500: { description: 'The tool or its MCP server reported an error.' },
  502: { description: 'The connection to the MCP server was lost, or its response was invalid.' },
  503: { description: 'The call cannot be made at present.', headers: RETRY_AFTER },
  504: { description: 'The MCP server did not answer in time.' },
};

/** The error responses of all operations, by name in `components/responses`. */
export function problemResponses(secured: boolean): JsonObject {
  const content = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
  const named = statuses(secured).map(([status, response]) => [`Problem${status}`, { ...response, content }]);
  return Object.fromEntries(named) as JsonObject;
}

/** References to the error responses, by status. */
export function problemReferences(secured: boolean): JsonObject {
  const references = statuses(secured).map(([status]) => [status, { $ref: `#/components/responses/Problem${status}` }]);
  return Object.fromEntries(references) as JsonObject;
}

function statuses(secured: boolean): [string, JsonObject][] {
  return Object.entries(PROBLEMS).filter(([status]) => secured || status !== '401');
}
