import { cacheKey } from '../cache/key';
import { McpoError } from '../errors';
import type { Progress } from '../mcp/session/pending-call';
import type { ToolEntry } from '../servers/tool-entry';
import { type Cancellation, signalOf } from '../util/cancellation';
import { parseJson, stringifyJson } from '../util/exact-json';
import { isObject } from '../util/json-object';
import { checkPlain } from '../util/plain-json';
import type { Identity } from './caller';
import type { TraceContext } from './trace-context';

/** The media type of an answer: the unwrapped content, or the whole MCP `CallToolResult`. */
export type Format = 'application/json' | 'application/vnd.mcp+json';

/** The `Cache-Control` of a request (RFC 9111, section 5.2.1). */
export interface CacheControl {
  /** Do not answer from the cache. */
  readonly noCache: boolean;
  /** Neither answer from the cache nor store the answer. */
  readonly noStore: boolean;
  /** The maximum age of a stored answer, in milliseconds. */
  readonly maxAgeMs: number | undefined;
}

/** What was done with a call, for `Cache-Status` (RFC 9211) and `X-MCPO-Arguments`. */
export interface CacheStatus {
  /** Served from the cache: the age of the answer, and for how much longer it is fresh (`undefined`: for ever). */
  hit?: { readonly ageMs: number; readonly ttlMs: number | undefined };
  /** Why it was not served from the cache: not looked up, not found, or `Cache-Control: no-cache`. */
  forwarded?: 'bypass' | 'miss' | 'request';
  collapsed?: true;
  stored?: true;
  /** The JSON Pointers of the arguments that were read leniently. */
  adjusted?: readonly string[];
}

/** The parts of a {@link ToolCall}. */
export interface CallInit {
  readonly entry: ToolEntry;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly format: Format;
  readonly identity: Identity;
  readonly cacheControl: CacheControl;
  readonly cancellation: Cancellation;
  readonly trace: TraceContext | undefined;
  /** Called with the progress of the tool. Must not throw. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** Called when the call goes to its server. */
  readonly onSent?: (() => void) | undefined;
  /** The id of the request, for the log. */
  readonly id: string;
  /** When the request arrived, on the clock of `performance.now()`. */
  readonly begunAt: number;
}

/** No JSON begins with this byte. */
const HAS_COMPANIONS = 1;

/**
 * The answer of a tool: finished JSON in the {@link ToolCall.format} of its call. Shared calls get the same answer; nobody
 * may write to it.
 */
export class Answer {
  readonly #body: Buffer;
  /** How many items of the result are only in the whole result. @internal */
  readonly companions: number;
  #isStored = false;

  /** @param companions - see {@link Answer.companions}. @defaultValue none */
  constructor(body: Buffer, companions = 0) {
    this.#body = body;
    this.companions = companions;
  }

  /** For a store or another process: the body, behind the number of companions if there are any. @internal */
  encoded(): Buffer {
    if (this.companions === 0) return this.#body;
    const head = Buffer.of(HAS_COMPANIONS, 0, 0, 0, 0);
    head.writeUInt32BE(this.companions, 1);
    return Buffer.concat([head, this.#body]);
  }

  /** @internal */
  static decoded(bytes: Buffer): Answer {
    const isPlain = bytes[0] !== HAS_COMPANIONS || bytes.length < 5;
    return isPlain ? new Answer(bytes) : new Answer(bytes.subarray(5), bytes.readUInt32BE(1));
  }

  /** JSON in UTF-8. */
  get body(): Buffer {
    return this.#body;
  }

  /** Makes an answer of a value. @throws TypeError if the value has no JSON form */
  static of(value: unknown): Answer {
    const json = stringifyJson(value) as string | undefined;
    if (json === undefined) throw new TypeError(`an answer must have a JSON form, got ${typeof value}`);
    return new Answer(Buffer.from(json));
  }

  /** The value, a new copy each time. Numbers that a double cannot hold are `bigint` or {@link JsonNumber}. */
  json(): unknown {
    return parseJson(this.body.toString());
  }

  /** Whether this is the first call of this method: a shared answer is stored once. @internal */
  storeOnce(): boolean {
    if (this.#isStored) return false;
    return (this.#isStored = true);
  }
}

/** A call of a tool. Passes through the {@link CallLayer | call layers}. */
export class ToolCall {
  /**
   * The arguments as they were sent; with `arguments: 'lenient'` some may have been read in another way. Numbers that a double
   * cannot hold are `bigint` or {@link JsonNumber}.
   */
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

  /** The unit of invalidation: servers with one backing store have the same. @internal */
  get group(): string {
    return this.init.entry.server.config.cache.group;
  }

  get tool(): string {
    return this.init.entry.tool.name;
  }

  /** What calling the tool may do. */
  get access(): 'read' | 'idempotent' | 'write' {
    return this.init.entry.policy.access;
  }

  /** Who calls; `undefined` for an anonymous caller. */
  get principal(): string | undefined {
    return this.init.identity.principal;
  }

  /** The format of the {@link Answer}. */
  get format(): Format {
    return this.init.format;
  }

  /** Aborted when no caller waits for the answer any more. */
  get signal(): AbortSignal {
    return (this.#signal ??= signalOf(this.init.cancellation));
  }

  /**
   * The same call with other arguments. They are validated and become part of its key, in place of the original ones.
   *
   * @throws McpoError MCPO_INVALID_ARGUMENTS for what is no JSON object
   */
  with({ arguments: args }: { readonly arguments: Readonly<Record<string, unknown>> }): ToolCall {
    return new ToolCall({ ...this.init, arguments: jsonObject(args) }, this.cacheStatus);
  }

  /** The same call of the tool's current definition. @internal */
  of(entry: ToolEntry): ToolCall {
    return new ToolCall({ ...this.init, entry }, this.cacheStatus);
  }

  /** The same call for all its callers: `cancellation` ends it when the last one has left. @internal */
  shared(cancellation: Cancellation, onProgress: (progress: Progress) => void, onSent: () => void): ToolCall {
    return new ToolCall({ ...this.init, cancellation, onProgress, onSent });
  }

  /**
   * The SHA-256, in base64url, of everything that the answer depends on: server (with its origin), tool (with its
   * definition), arguments (RFC 8785), cache scope, session and format. @internal
   */
  get key(): string {
    return (this.#key ??= this.#makeKey());
  }

  /**
   * Whether the key covers everything that the answer may depend on. It does not if headers of an anonymous caller are
   * forwarded. @internal
   */
  get isIdentified(): boolean {
    const { caller, scope } = this.init.identity;
    return caller === undefined || scope !== undefined;
  }

  #makeKey(): string {
    const { entry, identity, format } = this.init;
    const { scope, caller } = identity;
    const { server, name, version: definition } = entry.tool;
    const { origin, stateful } = entry.server.config;
    const version = origin === undefined ? definition : `${definition}.${origin}`;
    // A session that has ended leaves nothing to the next one of its name.
    const principal = stateful && caller ? `${scope}.${entry.server.sessionOf(caller)}` : scope;
    return cacheKey({ server, tool: name, version, args: this.arguments, principal, format });
  }
}

/** The arguments of a call in code. @throws McpoError MCPO_INVALID_ARGUMENTS if they are no JSON object */
export function jsonObject(args: unknown): Readonly<Record<string, unknown>> {
  try {
    if (!isObject(args)) throw new TypeError('not a JSON object');
    checkPlain(args);
    return args;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'not a JSON value';
    throw new McpoError('MCPO_INVALID_ARGUMENTS', `the arguments cannot be sent: ${reason}`, { cause });
  }
}
