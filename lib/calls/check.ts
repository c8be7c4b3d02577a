import { type ArgumentError, McpoError } from '../errors';
import type { Answer, ToolCall } from './call';
import type { CallLayer, Next } from './layer';

/** Rejects arguments that do not match the input schema of the tool, once it is known to be the one in force. */
export const check: CallLayer = (call, next) => {
  const errors = call.init.entry.tool.check(call.arguments);
  return errors ? checkAgain(call, next, errors) : next(call);
};

async function checkAgain(call: ToolCall, next: Next, before: readonly ArgumentError[]): Promise<Answer> {
  const { entry } = call.init;
  const current = await entry.server.renewed(entry.tool.name);
  if (!current) throw new McpoError('MCPO_UNKNOWN_TOOL', 'the server has this tool no longer');
  const errors = current === entry ? before : current.tool.check(call.arguments);
  if (!errors) return next(call.of(current));
  throw new McpoError('MCPO_INVALID_ARGUMENTS', 'the arguments do not match the input schema of the tool', { errors });
}
