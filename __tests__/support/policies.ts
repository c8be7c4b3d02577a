import { accelerate } from '../../lib/calls/acceleration';
import { resolveConfig } from '../../lib/config/config';

/** The policies of a router with default options. */
export const { policies } = accelerate(resolveConfig({ servers: {} }, {}));
