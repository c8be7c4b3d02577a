import { McpoError } from '../errors';
import { Answer, ToolCall } from './call';
import type { CallLayer } from './layer';

/**
 * Wraps a layer of the option `use`. It may replace arguments and answers, but neither server nor tool nor principal:
 * {@link ToolCall.with} leaves those unchanged.
 */
export function hostLayer(layer: CallLayer): CallLayer {
  return async function hostLayer(call, next) {
    const answer: unknown = await layer(call, async (changed: unknown) => {
      if (changed instanceof ToolCall && changed.init.entry === call.init.entry) return next(changed);
      throw new McpoError(
        'MCPO_INTERNAL',
        'a layer of `use` must call next() with its call, or with the result of call.with()',
      );
    });
    if (answer instanceof Answer) return answer;
    throw new McpoError('MCPO_INTERNAL', 'a layer of `use` must resolve with an Answer');
  };
}
