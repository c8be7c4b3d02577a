/** Where log messages go: `console`, pino, winston or anything with these four methods. */
export type Logger = Pick<Console, 'debug' | 'info' | 'warn' | 'error'>;
