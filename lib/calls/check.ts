import { type ArgumentError, McpoError } from '../errors';
import { holdsExactNumber } from '../util/exact-json';
import { readLeniently } from '../mcp/schema/lenient';
import type { CallLayer } from './layer';

/** Rejects arguments that do not match the input schema of the tool. A server's may be read leniently first. */
export const check: CallLayer = (call, next) => {
  const { tool, server } = call.init.entry;
  if (server.config.transport.kind === 'custom' && holdsExactNumber(call.arguments)) {
    const detail =
      'the arguments hold a number that a double cannot hold, and this MCP server is connected by a transport which takes ' +
      'JavaScript objects; send the number as a string, if the tool takes one';
    throw new McpoError('MCPO_INVALID_ARGUMENTS', detail);
  }
  const errors = tool.check(call.arguments);
  if (!errors) return next(call);
  if (server.config.arguments === 'strict') throw invalid(errors);
  const read = readLeniently(call.arguments, errors, (args) => tool.check(args));
  if (read.errors) throw invalid(read.errors);
  call.cacheStatus.adjusted = read.at;
  return next(call.with({ arguments: read.args }));
};

/** The detail is the first error: many clients show nothing else of an answer. */
function invalid(errors: readonly ArgumentError[]): McpoError {
  const [first = { pointer: '', message: 'does not match the input schema of the tool' }] = errors;
  const more = errors.length > 1 ? `, and ${errors.length - 1} more` : '';
  const detail = `${first.pointer || 'the body'} ${first.message}${more}`;
  return new McpoError('MCPO_INVALID_ARGUMENTS', detail, { errors });
}
