import { createRequire } from 'node:module';
import type * as OpenTelemetry from '@opentelemetry/api';
import type { ToolCall } from '../calls/call';
import { type ErrorCode, isMcpoError } from '../errors';
import type { TransportSpec } from '../mcp/transport-spec';
import { tell, warnOnce } from '../util/listeners';
import type { TraceContext } from '../calls/trace-context';

type Api = typeof OpenTelemetry;
type Attributes = Readonly<Record<string, string | number>>;

interface Traced {
  readonly isError?: boolean | undefined;
}

type Work<T> = (trace: TraceContext | undefined) => Promise<T>;

/** The API's own provider, which stands in for one that may be registered later. */
interface MayDelegate {
  readonly getDelegateTracer?: (name: string) => OpenTelemetry.Tracer | undefined;
}

const NAME = 'express-mcpo';

/** What MCP servers answer with a JSON-RPC error, whose code is then that of the cause. */
const ANSWERED: ReadonlySet<ErrorCode> = new Set([
  'MCPO_REJECTED',
  'MCPO_UNKNOWN_TOOL',
  'MCPO_INVALID_ARGUMENTS',
  'MCPO_SERVER_ERROR',
]);

/**
 * Makes a span of each call of an MCP server where the host has OpenTelemetry and a tracer provider, in the words of its
 * semantic conventions for MCP. Neither arguments nor anything that a server says gets into a span.
 */
export class Tracing {
  readonly #api = loadApi();
  readonly #failed = warnOnce('mcpo: the tracer failed');

  /**
   * Does the work of a call in a span, whose trace context the work is given; without a tracer, the caller's own. A tracer
   * only looks on: what it throws is told once, by a process warning, and the work is done without it.
   */
  trace<T extends Traced>(call: ToolCall, work: Work<T>): Promise<T> {
    let begun: Promise<T> | undefined;
    const begin = (trace: TraceContext | undefined): Promise<T> => (begun ??= work(trace));
    tell(() => this.#spanned(call, begin), this.#failed);
    return begin(call.init.trace);
  }

  /** Begins the work in a span, which ends with it. */
  #spanned<T extends Traced>(call: ToolCall, begin: Work<T>): void {
    const api = this.#api;
    const tracer = api && tracerOf(api);
    if (!tracer) return;
    const { entry, trace } = call.init;
    const { server, name } = entry.tool;
    const parent = parentOf(api, trace);
    const attributes = {
      'mcp.method.name': 'tools/call',
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': name,
      'mcpo.server': server,
      ...networkOf(entry.server.config.transport),
    };
    const span = tracer.startSpan(`tools/call ${name}`, { kind: api.SpanKind.CLIENT, attributes }, parent);
    const end = (failure?: Attributes): void => {
      tell(() => {
        if (failure) span.setAttributes(failure).setStatus({ code: api.SpanStatusCode.ERROR });
        span.end();
      }, this.#failed);
    };
    const own = api.isSpanContextValid(span.spanContext()) ? written(span.spanContext()) : trace;
    api.context
      .with(api.trace.setSpan(parent, span), () => begin(own))
      .then(
        (result) => end(result.isError === true ? { 'error.type': 'tool_error' } : undefined),
        (error: unknown) => end(failureOf(error)),
      );
  }
}

/** `@opentelemetry/api`, if the host has it. */
function loadApi(): Api | undefined {
  try {
    return createRequire(__filename)('@opentelemetry/api') as Api;
  } catch {
    return undefined;
  }
}

/** `undefined` as long as the host has registered no provider, so that nothing is done for nobody. */
function tracerOf({ trace }: Api): OpenTelemetry.Tracer | undefined {
  const provider: OpenTelemetry.TracerProvider & MayDelegate = trace.getTracerProvider();
  return provider.getDelegateTracer ? provider.getDelegateTracer(NAME) : provider.getTracer(NAME);
}

/** What is going on in the host, which may be a span of the caller's trace already; else the caller's. */
function parentOf({ context, trace, createTraceState }: Api, caller: TraceContext | undefined): OpenTelemetry.Context {
  const active = context.active();
  if (!caller || trace.getSpanContext(active)) return active;
  const [, traceId = '', spanId = '', flags = ''] = caller.traceparent.split('-');
  return trace.setSpanContext(active, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
    ...(caller.tracestate !== undefined && { traceState: createTraceState(caller.tracestate) }),
  });
}

function written({ traceId, spanId, traceFlags, traceState }: OpenTelemetry.SpanContext): TraceContext {
  const traceparent = `00-${traceId}-${spanId}-${(traceFlags & 0xff).toString(16).padStart(2, '0')}`;
  const tracestate = traceState?.serialize();
  return tracestate ? { traceparent, tracestate } : { traceparent };
}

function networkOf(transport: TransportSpec): Attributes {
  switch (transport.kind) {
    case 'stdio':
      return { 'network.transport': 'pipe' };
    case 'custom':
      return {};
    case 'http': {
      const { protocol, hostname, port } = transport.url;
      return {
        'network.transport': 'tcp',
        'network.protocol.name': 'http',
        'server.address': hostname.replace(/^\[|\]$/g, ''),
        'server.port': Number(port || (protocol === 'https:' ? 443 : 80)),
      };
    }
  }
}

/** The code of a JSON-RPC error, else what the metrics call it. */
function failureOf(error: unknown): Attributes {
  if (!isMcpoError(error)) return { 'error.type': '_OTHER' };
  const code = ANSWERED.has(error.code) ? (error.cause as { readonly code?: unknown } | undefined)?.code : undefined;
  if (typeof code === 'number') return { 'error.type': String(code), 'rpc.response.status_code': String(code) };
  return { 'error.type': error.code.slice('MCPO_'.length).toLowerCase() };
}
