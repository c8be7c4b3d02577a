import { ConfigError } from '../errors';
import { tell, warnOnce } from '../util/listeners';
import type { Logger } from '../util/logger';

const METHODS = ['debug', 'info', 'warn', 'error'] as const;
const MAX_LENGTH = 5_000;
// Line ends, terminal controls and bidirectional controls.
const UNPRINTABLE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

const silent = (): void => undefined;
const CONSOLE: Logger = {
  debug: silent,
  info: silent,
  warn: (...data: unknown[]) => console.warn(...data),
  error: (...data: unknown[]) => console.error(...data),
};

/**
 * The host's logger, or the console from level `warn` on. Messages may quote MCP servers, so each is made one line of bounded
 * length that cannot pass for another entry. The first error of the logger becomes a process warning; no request fails.
 *
 * @throws ConfigError if a method is missing
 */
export function loggerOf(logger: Logger = CONSOLE): Logger {
  for (const method of METHODS) {
    if (typeof (logger as Partial<Logger> | null)?.[method] !== 'function') {
      throw new ConfigError('logger', `must have the methods ${METHODS.join(', ')}`);
    }
  }
  const failed = warnOnce('mcpo: the logger failed');
  const inOneLine = (method: (typeof METHODS)[number]): Logger['info'] => {
    if (logger[method] === silent) return silent;
    return (...data: unknown[]) => {
      tell(() => logger[method](...data.map((item) => (typeof item === 'string' ? oneLine(item) : item))), failed);
    };
  };
  return { debug: inOneLine('debug'), info: inOneLine('info'), warn: inOneLine('warn'), error: inOneLine('error') };
}

function oneLine(text: string): string {
  const short = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
  return short.replace(UNPRINTABLE, (character) => {
    return character === '\n' ? '\\n' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
