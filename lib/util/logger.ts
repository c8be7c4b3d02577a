/** Where messages go: `console`, pino and winston fit. */
export type Logger = Pick<Console, 'debug' | 'info' | 'warn' | 'error'>;
