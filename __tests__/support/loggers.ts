import type { Logger } from '../../lib';

const quiet = (): void => undefined;

/** Says nothing, for tests of what goes wrong on purpose. */
export const silent: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };
