import { type ArgumentError, McpoError } from '../errors';
import { readLeniently } from '../mcp/schema/lenient';
import { holdsExactNumber } from '../util/exact-json';
import { type Answer, ToolCall } from './call';
import type { CallLayer, Next } from './layer';

/** Rejects arguments that do not match the input schema of the tool, once it is known to be the one in force. */
export const check: CallLayer = (call, next) => {
  const { transport } = call.init.entry.server.config;
  if (transport.kind === 'custom' && holdsExactNumber(call.arguments)) {
    const detail =
      'the arguments hold a number that a double cannot hold, and this MCP server is connected by a transport which takes ' +
      'JavaScript objects; send the number as a string, if the tool takes one';
    throw new McpoError('MCPO_INVALID_ARGUMENTS', detail);
  }
  const accepted = accept(call);
  return accepted instanceof ToolCall ? next(accepted) : checkAgain(call, next, accepted);
};

/** The call, with its arguments read leniently where the server's option says so; else what is wrong with them. */
function accept(call: ToolCall): ToolCall | readonly ArgumentError[] {
  const { tool, server } = call.init.entry;
  const errors = tool.check(call.arguments);
  if (!errors) return call;
  if (server.config.arguments === 'strict') return errors;
  const read = readLeniently(call.arguments, errors, (args) => tool.check(args));
  if (read.errors) return read.errors;
  call.cacheStatus.adjusted = read.at;
  return call.with({ arguments: read.args });
}

async function checkAgain(call: ToolCall, next: Next, errors: readonly ArgumentError[]): Promise<Answer> {
  const { entry } = call.init;
  const current = await entry.server.renewed(entry.tool.name);
  if (!current) throw new McpoError('MCPO_UNKNOWN_TOOL', 'the server has this tool no longer');
  const accepted = current === entry ? errors : accept(call.of(current));
  if (accepted instanceof ToolCall) return next(accepted);
  throw invalid(accepted);
}

/** The detail is the first error: many clients show nothing else of an answer. */
function invalid(errors: readonly ArgumentError[]): McpoError {
  const [first = { pointer: '', message: 'does not match the input schema of the tool' }] = errors;
  const more = errors.length > 1 ? `, and ${errors.length - 1} more` : '';
  const detail = `${first.pointer || 'the body'} ${first.message}${more}`;
  return new McpoError('MCPO_INVALID_ARGUMENTS', detail, { errors });
}
