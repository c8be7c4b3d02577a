import { cacheKey } from '../cache/key';
import { McpoError } from '../errors';
import type { Progress } from '../mcp/session/pending-call';
import type { ToolEntry } from '../servers/tool-entry';
import { type Cancellation, signalOf } from '../util/cancellation';
import { checkPlain } from '../util/plain-json';
import type { Identity } from './caller';
import type { TraceContext } from './trace-context';

/** The media type of an answer: the unwrapped content, or the whole MCP `CallToolResult`. */
export type Format = 'application/json' | 'application/vnd.mcp+json';

/** What a caller asks of the cache (RFC 9111, section 5.2.1). */
export interface CacheControl {
  /** Answer afresh. */
  readonly noCache: boolean;
  /** Neither answer from the store nor keep the answer. */
  readonly noStore: boolean;
  /** The oldest stored answer that will do, in milliseconds. */
  readonly maxAgeMs: number | undefined;
}

/** What the cache had to do with a call, for `Cache-Status` (RFC 9211). */
export interface CacheStatus {
  /** Answered from the cache, by an answer of this age, which is fresh for `ttlMs` more where it has a lifetime. */
  hit?: { readonly ageMs: number; readonly ttlMs: number | undefined };
  /** Why it was not: `bypass` was not looked up, `request` was asked for afresh. */
  forwarded?: 'bypass' | 'miss' | 'request';
  /** The call joined another in flight. */
  collapsed?: true;
  /** The answer is kept. */
  stored?: true;
}

/** What a {@link ToolCall} is made from. */
export interface CallInit {
  readonly entry: ToolEntry;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly format: Format;
  readonly identity: Identity;
  readonly cacheControl: CacheControl;
  readonly cancellation: Cancellation;
  readonly trace: TraceContext | undefined;
  /** Told how far the tool has come; must not throw. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** The id of the request, for the log. */
  readonly id: string;
  /** When the request came, on the clock of `performance.now()`. */
  readonly begunAt: number;
}

/**
 * What a tool answered: finished JSON in the {@link ToolCall.format} of its call. All who share a call get the same answer;
 * nobody may write to it.
 */
export class Answer {
  /** JSON in UTF-8. */
  readonly body: Buffer;
  #isKept = false;

  constructor(body: Buffer) {
    this.body = body;
    Object.freeze(this);
  }

  /**
   * An answer made of a value.
   *
   * @throws TypeError when the value has no JSON form
   */
  static of(value: unknown): Answer {
    const json = JSON.stringify(value) as string | undefined;
    if (json === undefined) throw new TypeError(`an answer must have a JSON form, got ${typeof value}`);
    return new Answer(Buffer.from(json));
  }

  /** The value, a new copy each time. */
  json(): unknown {
    return JSON.parse(this.body.toString()) as unknown;
  }

  /**
   * Whether it is the first to ask: an answer that many share is kept once.
   *
   * @internal
   */
  keepOnce(): boolean {
    if (this.#isKept) return false;
    return (this.#isKept = true);
  }
}

/** A call of a tool, on its way through the {@link CallLayer | call layers}. */
export class ToolCall {
  /** The arguments exactly as they came: nothing added, renamed or dropped. */
  readonly arguments: Readonly<Record<string, unknown>>;
  /** @internal */
  readonly init: CallInit;
  /** @internal */
  readonly cacheStatus: CacheStatus;
  #key: string | undefined;
  #signal: AbortSignal | undefined;

  /** @internal */
  constructor(init: CallInit, cacheStatus: CacheStatus = {}) {
    this.init = init;
    this.arguments = init.arguments;
    this.cacheStatus = cacheStatus;
  }

  /** The server's name in the options. */
  get server(): string {
    return this.init.entry.tool.server;
  }

  /** The tool's name. */
  get tool(): string {
    return this.init.entry.tool.name;
  }

  /** What calling the tool may do. */
  get access(): 'read' | 'idempotent' | 'write' {
    return this.init.entry.policy.access;
  }

  /** Who calls; `undefined` when the caller is nobody in particular. */
  get principal(): string | undefined {
    return this.init.identity.principal;
  }

  /** What the answer is to be: see {@link Answer}. */
  get format(): Format {
    return this.init.format;
  }

  /** Aborted when nobody waits for the answer any more. */
  get signal(): AbortSignal {
    return (this.#signal ??= signalOf(this.init.cancellation));
  }

  /**
   * The same call with other arguments: they are checked, and are part of its key, in place of those that came.
   *
   * @throws McpoError MCPO_INVALID_ARGUMENTS for what is no JSON object
   */
  with({ arguments: args }: { readonly arguments: Readonly<Record<string, unknown>> }): ToolCall {
    return new ToolCall({ ...this.init, arguments: jsonObject(args) }, this.cacheStatus);
  }

  /**
   * The same call for all who wait for it, which ends when none of them is left.
   *
   * @internal
   */
  forEverybody(cancellation: Cancellation, onProgress: (progress: Progress) => void): ToolCall {
    return new ToolCall({ ...this.init, cancellation, onProgress });
  }

  /**
   * Equal exactly when server (its origin included), tool (its definition included), arguments (RFC 8785), cache scope and
   * format are: SHA-256 in base64url.
   *
   * @internal
   */
  get key(): string {
    return (this.#key ??= this.#makeKey());
  }

  /**
   * Whether the key tells all that the answer may depend on: not when headers of the caller go on to the server and nobody
   * can say whose they are.
   *
   * @internal
   */
  get isIdentified(): boolean {
    const { caller, scope } = this.init.identity;
    return caller === undefined || scope !== undefined;
  }

  #makeKey(): string {
    const { entry, identity, format } = this.init;
    const { server, name, version: definition } = entry.tool;
    const { origin } = entry.server.config;
    const version = origin === undefined ? definition : `${definition}.${origin}`;
    return cacheKey({ server, tool: name, version, args: this.arguments, principal: identity.scope, format });
  }
}

/**
 * Arguments that code has made, as they are.
 *
 * @throws McpoError MCPO_INVALID_ARGUMENTS for what is no JSON object, as those out of a request always are
 */
export function jsonObject(args: unknown): Readonly<Record<string, unknown>> {
  try {
    if (typeof args !== 'object' || args === null || Array.isArray(args)) throw new TypeError('not a JSON object');
    checkPlain(args);
    return args as Readonly<Record<string, unknown>>;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'not a JSON value';
    throw new McpoError('MCPO_INVALID_ARGUMENTS', `the arguments cannot be sent: ${reason}`, { cause });
  }
}

/** How a call ends whose caller has left. */
export function callerGone(cause?: unknown): McpoError {
  return new McpoError('MCPO_CALLER_GONE', 'the caller closed the connection', { cause });
}
