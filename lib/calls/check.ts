import { type ArgumentError, McpoError } from '../errors';
import type { CallLayer } from './layer';

/** Rejects arguments that do not match the input schema of the tool. */
export const check: CallLayer = (call, next) => {
  const errors = call.init.entry.tool.check(call.arguments);
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
