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

/** The proxy of the API, which delegates to a provider that may be registered later. */
interface MayDelegate {
  readonly getDelegateTracer?: (name: string) => OpenTelemetry.Tracer | undefined;
}

interface Registered {
  readonly api: Api;
  readonly tracer: OpenTelemetry.Tracer;
}

const NAME = 'express-mcpo';

/** The codes of JSON-RPC errors of MCP servers. The cause has the JSON-RPC code. */
const RPC_ERRORS: ReadonlySet<ErrorCode> = new Set([
  'MCPO_REJECTED',
  'MCPO_UNKNOWN_TOOL',
  'MCPO_INVALID_ARGUMENTS',
  'MCPO_SERVER_ERROR',
]);

/**
 * Makes a span of each call to an MCP server, by OpenTelemetry's semantic conventions for MCP, if the host has registered a
 * tracer provider. Spans contain neither arguments nor anything from a server.
 */
export class Tracing {
  readonly #api = loadApi();
  readonly #failed = warnOnce('mcpo: the tracer failed');

  /**
   * Runs the work of a call in a span, and passes it the trace context of the span, or of the caller without a tracer. If the
   * tracer throws, the work runs without it, and the first error becomes a process warning.
   */
  trace<T extends Traced>(call: ToolCall, work: Work<T>): Promise<T> {
    const { trace } = call.init;
    const tracer = this.#tracer();
    if (!tracer) return work(trace);
    let begun: Promise<T> | undefined;
    const begin = (context: TraceContext | undefined): Promise<T> => (begun ??= work(context));
    tell(() => this.#startSpan(tracer, call, begin), this.#failed);
    return begin(trace);
  }

  /** `undefined` until the host has registered a provider. */
  #tracer(): Registered | undefined {
    const api = this.#api;
    if (!api) return undefined;
    try {
      const tracer = tracerOf(api);
      return tracer && { api, tracer };
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  /** Starts the work in a span, which ends with it. */
  #startSpan<T extends Traced>({ api, tracer }: Registered, call: ToolCall, begin: Work<T>): void {
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
    const own = api.isSpanContextValid(span.spanContext()) ? toTraceContext(span.spanContext()) : trace;
    api.context
      .with(api.trace.setSpan(parent, span), () => begin(own))
      .then(
        (result) => end(result.isError === true ? { 'error.type': 'tool_error' } : undefined),
        (error: unknown) => end(failureOf(error)),
      );
  }
}

/** `@opentelemetry/api`, if it is installed. */
function loadApi(): Api | undefined {
  try {
    // A form that bundlers follow.
    return require('@opentelemetry/api') as Api;
  } catch {
    return undefined;
  }
}

/** `undefined` until the host has registered a provider. */
function tracerOf({ trace }: Api): OpenTelemetry.Tracer | undefined {
  const provider: OpenTelemetry.TracerProvider & MayDelegate = trace.getTracerProvider();
  return provider.getDelegateTracer ? provider.getDelegateTracer(NAME) : provider.getTracer(NAME);
}

/** The active context of the host, which may be in the caller's trace already; else that of the caller. */
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

function toTraceContext({ traceId, spanId, traceFlags, traceState }: OpenTelemetry.SpanContext): TraceContext {
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

/** The code of a JSON-RPC error, else the error's name in the metrics. */
function failureOf(error: unknown): Attributes {
  if (!isMcpoError(error)) return { 'error.type': '_OTHER' };
  const code = RPC_ERRORS.has(error.code) ? (error.cause as { readonly code?: unknown } | undefined)?.code : undefined;
  if (typeof code === 'number') return { 'error.type': String(code), 'rpc.response.status_code': String(code) };
  return { 'error.type': error.code.slice('MCPO_'.length).toLowerCase() };
}
