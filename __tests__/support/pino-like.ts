import { inspect } from 'node:util';

type Level = 'debug' | 'info' | 'warn' | 'error';

/** One message: what pino would write. */
export interface LogEntry {
  readonly level: Level;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/**
 * Takes what pino takes, an object and a message or a message alone, and like pino works only as a method of its own object.
 * What pino would drop in silence is an error here.
 */
export class PinoLike {
  readonly #entries: LogEntry[] = [];
  readonly #raw: unknown[] = [];

  debug(...data: unknown[]): void {
    this.#take('debug', data);
  }

  info(...data: unknown[]): void {
    this.#take('info', data);
  }

  warn(...data: unknown[]): void {
    this.#take('warn', data);
  }

  error(...data: unknown[]): void {
    this.#take('error', data);
  }

  /** Those of a level, or all. */
  entries(level?: Level): readonly LogEntry[] {
    return this.#entries.filter((entry) => level === undefined || entry.level === level);
  }

  /** The lines that tell of requests. */
  get requests(): readonly LogEntry['fields'][] {
    return this.#entries.filter(({ message }) => message === 'mcpo: request').map(({ fields }) => fields);
  }

  /** Everything that any method was given, as text, errors with all that hangs on them. */
  text(...levels: Level[]): string {
    return this.#entries
      .flatMap(({ level }, index) => (levels.length === 0 || levels.includes(level) ? [this.#raw[index]] : []))
      .map((data) => inspect(data, { depth: Infinity, showHidden: true, maxStringLength: null, maxArrayLength: null }))
      .join('\n');
  }

  #take(level: Level, data: unknown[]): void {
    const [first, second, ...more] = data;
    const [fields, message] = typeof first === 'object' ? [first, second] : [{}, first];
    const dropped = typeof first === 'object' ? more : data.slice(1);
    if (typeof message !== 'string' || dropped.length > 0) throw new Error(`pino would drop ${inspect(data)}`);
    this.#raw.push(data);
    this.#entries.push({ level, fields: fields as Record<string, unknown>, message });
  }
}
