import { ConfigError } from '../errors';
import { tell, warnOnce } from '../util/listeners';
import type { Logger } from '../util/logger';

const METHODS = ['debug', 'info', 'warn', 'error'] as const;
const MAX_LENGTH = 5_000;
// What ends a line, drives a terminal or turns the direction of reading.
const UNPRINTABLE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

const quiet = (): void => undefined;
const CONSOLE: Logger = {
  debug: quiet,
  info: quiet,
  warn: (...data: unknown[]) => {
    console.warn(...data);
  },
  error: (...data: unknown[]) => {
    console.error(...data);
  },
};

/**
 * The host's logger, or the console from `warn` on. Messages may hold words of MCP servers, which must not look like entries of
 * their own: each is one line of bounded length. What the logger throws or rejects with is told once, by a process warning:
 * no request fails with it.
 *
 * @throws ConfigError for an object that is no logger
 */
export function loggerOf(logger: Logger = CONSOLE): Logger {
  for (const method of METHODS) {
    if (typeof (logger as Partial<Logger> | null)?.[method] !== 'function') {
      throw new ConfigError('logger', `must have the methods ${METHODS.join(', ')}`);
    }
  }
  const failed = warnOnce('mcpo: the logger failed');
  const inOneLine = (method: (typeof METHODS)[number]): Logger['info'] => {
    if (logger[method] === quiet) return quiet;
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
