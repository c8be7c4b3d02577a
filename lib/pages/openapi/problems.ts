import { ERROR_CODES } from '../../errors';
import type { JsonObject } from './keywords';

/** The schema of every error, RFC 9457. */
export const PROBLEM_SCHEMA: JsonObject = {
  type: 'object',
  description: 'Problem details (RFC 9457).',
  required: ['type', 'title', 'status', 'detail', 'code'],
  properties: {
    type: { type: 'string', format: 'uri', description: 'The kind of problem.' },
    title: { type: 'string', description: 'The kind of problem in words.' },
    status: { type: 'integer', description: 'The HTTP status.' },
    detail: { type: 'string', description: 'What went wrong this time.' },
    instance: { type: 'string', format: 'uri-reference', description: 'The path that was called.' },
    code: { type: 'string', enum: ERROR_CODES, description: 'The kind of problem as a stable code.' },
    requestId: { type: 'string', description: 'The `X-Request-Id` of the answer.' },
    server: { type: 'string' },
    tool: { type: 'string' },
    outcome: { type: 'string', enum: ['unknown'], description: 'Present where the tool may have run.' },
    errors: {
      type: 'array',
      description: 'What is wrong with the arguments.',
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

const UNAUTHORIZED = {
  description: 'The credentials are missing or wrong.',
  headers: { 'WWW-Authenticate': { description: 'What is asked for.', schema: { type: 'string' } } },
};

const PROBLEMS: Readonly<Record<string, JsonObject & { readonly description: string }>> = {
  400: { description: 'The body is not a JSON object, or the MCP server rejected the request.' },
  401: UNAUTHORIZED,
  403: { description: 'The request comes from a foreign page or names a foreign host.' },
  404: { description: 'There is no such server or tool.' },
  413: { description: 'The body is too large.' },
  415: { description: 'The body is not JSON.' },
  422: { description: 'The arguments do not fit the input schema.' },
  500: { description: 'The tool or its MCP server reported an error.' },
  502: { description: 'The MCP server broke off or answered nonsense.' },
  503: {
    description: 'The call cannot be made at present.',
    headers: { 'Retry-After': { description: 'When to try again, in seconds.', schema: { type: 'integer' } } },
  },
  504: { description: 'The MCP server did not answer in time.' },
};

/** The error answers that all operations share, by their name in `components/responses`. */
export function problemResponses(secured: boolean): JsonObject {
  const content = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
  return Object.fromEntries(
    statuses(secured).map(([status, response]) => [`Problem${status}`, { ...response, content }]),
  );
}

/** The error answers of one operation, by status: references to the shared ones. */
export function problemReferences(secured: boolean): JsonObject {
  return Object.fromEntries(
    statuses(secured).map(([status]) => [status, { $ref: `#/components/responses/Problem${status}` }]),
  );
}

function statuses(secured: boolean): [string, JsonObject][] {
  return Object.entries(PROBLEMS).filter(([status]) => secured || status !== '401');
}
