import type { IncomingMessage } from 'node:http';
import { type Cancellation, Canceller, signalOf } from '../util/cancellation';
import { cacheKey } from '../cache/key';
import { McpoError } from '../errors';
import type { Caller } from '../auth/identity';
import { tell } from '../util/listeners';
import type { Tool } from '../mcp/tools/tool';
import { stateOf } from '../http/request-state';
import type { TraceContext } from '../http/trace-context';

/** How a call ended well: the finished response body, written to the caller as it is. */
export interface Success {
  /** Tells the two apart. */
  readonly ok: true;
  /** JSON in UTF-8, in the call's {@link ToolCall.format}. */
  readonly body: Buffer;
}

/** How a call ended badly. */
export interface Failure {
  /** Tells the two apart. */
  readonly ok: false;
  /** What the caller is answered with. */
  readonly error: McpoError;
}

/** How a call ended. */
export type Outcome = Success | Failure;

/** The media type of a successful answer: the unwrapped content, or the whole MCP `CallToolResult`. */
export type Format = 'application/json' | 'application/vnd.mcp+json';

/** What a call is made from; the members are those of {@link ToolCall}. */
export interface ToolCallInit {
  /** The tool to call. */
  readonly tool: Tool;
  /** Its arguments, checked already. */
  readonly args: Readonly<Record<string, unknown>>;
  /** What the caller wants to be answered with. */
  readonly format: Format;
  /** Who calls. @defaultValue nobody in particular */
  readonly principal?: string | undefined;
  /** Over whose connections it goes. @defaultValue the server's own */
  readonly caller?: Caller | undefined;
  /** Tells the tool's server from another of the same name. @defaultValue its name alone */
  readonly origin?: string | undefined;
  /** Where it belongs in a distributed trace. @defaultValue nowhere */
  readonly trace?: TraceContext | undefined;
}

/**
 * One request's call of a tool, born when its arguments have been checked and ended by the first {@link settle}.
 *
 * A layer registers its clean-up with {@link onSettled} and then calls `next()`, or settles the call itself.
 */
export class ToolCall {
  /** The tool that is called. */
  readonly tool: Tool;
  /** The arguments exactly as they came: nothing added, renamed or dropped. */
  readonly args: Readonly<Record<string, unknown>>;
  /** What a success is answered with. */
  readonly format: Format;
  /** Who calls, as a string that says nothing about the credentials; `undefined` when the caller is nobody in particular. */
  readonly principal: string | undefined;
  /**
   * Over whose connections it goes: those of callers with the same forwarded headers, or of one session of a server that
   * keeps state; `undefined` for the server's own.
   */
  readonly caller: Caller | undefined;
  /** Where it belongs in a distributed trace: no part of the {@link key}, so that a shared call is in its leader's. */
  readonly trace: TraceContext | undefined;
  /** Tells the tool's server from another of the same name, in another process; `undefined` where nobody can. */
  readonly origin: string | undefined;
  #key: string | undefined;
  #notes: Map<string, string> | undefined;
  #outcome: Outcome | undefined;
  #signal: AbortSignal | undefined;
  readonly #canceller = new Canceller();
  readonly #cancellation: Cancellation;
  #listeners: ((outcome: Outcome) => void)[] = [];

  /** @param cancellation - ends the call instead of its caller's leaving */
  constructor(init: ToolCallInit, cancellation?: Cancellation) {
    this.#cancellation = cancellation ?? this.#canceller;
    this.tool = init.tool;
    this.args = init.args;
    this.format = init.format;
    this.principal = init.principal;
    this.caller = init.caller;
    this.trace = init.trace;
    this.origin = init.origin;
  }

  /**
   * Equal exactly when server (its origin included), tool (its definition included), arguments (RFC 8785), principal and
   * format are: SHA-256 in base64url.
   */
  get key(): string {
    return (this.#key ??= this.#makeKey());
  }

  /**
   * Whether `principal` tells all that the answer may depend on: not when headers of the caller go on to the server and
   * nobody can say whose they are.
   */
  get isIdentified(): boolean {
    return this.caller === undefined || this.principal !== undefined;
  }

  /** The same call for whoever waits for it, ended by `cancellation`. */
  fork(cancellation: Cancellation): ToolCall {
    return new ToolCall(this, cancellation);
  }

  /** Response headers that the layers have gathered for the answer. */
  get notes(): Map<string, string> {
    return (this.#notes ??= new Map());
  }

  /** Adds a parameter to a response header that has been noted. */
  note(header: string, parameter: string): void {
    const noted = this.notes.get(header);
    this.notes.set(header, noted === undefined ? parameter : `${noted}; ${parameter}`);
  }

  #makeKey(): string {
    const { tool, args, principal, format, origin } = this;
    const { server, name } = tool;
    const version = origin === undefined ? tool.version : `${tool.version}.${origin}`;
    return cacheKey({ server, tool: name, version, args, principal, format });
  }

  /** How the call ended, once it has. */
  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** Tells when the caller goes away before the call has ended. */
  get cancellation(): Cancellation {
    return this.#cancellation;
  }

  /** The same as an `AbortSignal`, for what takes nothing else: it costs more. */
  get signal(): AbortSignal {
    return (this.#signal ??= signalOf(this.#cancellation));
  }

  /** Ends the call. The first wins; a later one changes nothing and returns `false`. */
  settle(outcome: Outcome): boolean {
    if (this.#outcome) return false;
    this.#outcome = outcome;
    const listeners = this.#listeners;
    this.#listeners = [];
    // One that throws must not keep the others from giving back what they hold.
    for (const listener of listeners.reverse()) tell(() => listener(outcome));
    if (isCallerGone(outcome)) this.#canceller.abort();
    return true;
  }

  /** Runs `listener` once when the call ends, at once if it has; the one registered last runs first. */
  onSettled(listener: (outcome: Outcome) => void): void {
    const outcome = this.#outcome;
    if (outcome) tell(() => listener(outcome));
    else this.#listeners.push(listener);
  }
}

function isCallerGone(outcome: Outcome): boolean {
  return !outcome.ok && outcome.error.code === 'MCPO_CALLER_GONE';
}

/** The tool call of a request, from the `arguments` layer on; `undefined` before it. */
export function toolCall(req: IncomingMessage): ToolCall | undefined {
  return stateOf(req).call;
}

/**
 * The tool call of a request that must have one.
 *
 * @throws McpoError MCPO_INTERNAL in a stack without the layer `readArguments`
 */
export function requiredCall(req: IncomingMessage): ToolCall {
  const call = stateOf(req).call;
  if (!call) throw new McpoError('MCPO_INTERNAL', 'this layer needs the layer readArguments before it');
  return call;
}
