import { McpoError } from '../errors';
import type { CallLayer } from './layer';

/** Rejects arguments that do not match the input schema of the tool. */
export const check: CallLayer = (call, next) => {
  const errors = call.init.entry.tool.check(call.arguments);
  if (errors) {
    throw new McpoError('MCPO_INVALID_ARGUMENTS', 'the arguments do not match the input schema of the tool', {
      errors,
    });
  }
  return next(call);
};
