import { type ArgumentError, McpoError } from '../errors';
import { holdsExactNumber } from '../util/exact-json';
import type { CallLayer } from './layer';

/** Rejects arguments that do not match the input schema of the tool. */
export const check: CallLayer = (call, next) => {
  const { tool, server } = call.init.entry;
  if (server.config.transport.kind === 'custom' && holdsExactNumber(call.arguments)) {
    const detail =
      'the arguments hold a number that a double cannot hold, and this MCP server is connected by a transport which takes ' +
      'JavaScript objects; send the number as a string, if the tool takes one';
    throw new McpoError('MCPO_INVALID_ARGUMENTS', detail);
  }
  const errors = tool.check(call.arguments);
  if (errors) throw new McpoError('MCPO_INVALID_ARGUMENTS', detailOf(errors), { errors });
  return next(call);
};

/** The first error: many clients show nothing else of an answer. */
function detailOf(errors: readonly ArgumentError[]): string {
  const [first] = errors;
  if (!first) return 'the arguments do not match the input schema of the tool';
  const more = errors.length > 1 ? `, and ${errors.length - 1} more` : '';
  return `${first.pointer || 'the body'} ${first.message}${more}`;
}
