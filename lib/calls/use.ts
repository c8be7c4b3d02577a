import { McpoError } from '../errors';
import { Answer, ToolCall } from './call';
import type { CallLayer } from './pipeline';

/**
 * A layer of the host's own, which may replace arguments and answers, but neither server, tool nor principal: those come
 * from {@link ToolCall.with} unchanged.
 */
export function hostLayer(layer: CallLayer): CallLayer {
  return async function hostLayer(call, next) {
    const answer: unknown = await layer(call, async (changed: unknown) => {
      if (changed instanceof ToolCall && changed.init.entry === call.init.entry) return next(changed);
      throw new McpoError(
        'MCPO_INTERNAL',
        'a layer of `use` must go on with the call, or with what call.with() made of it',
      );
    });
    if (answer instanceof Answer) return answer;
    throw new McpoError('MCPO_INTERNAL', 'a layer of `use` must resolve with an Answer');
  };
}
