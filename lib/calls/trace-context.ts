/** Where a call belongs in a distributed trace (W3C Trace Context), as headers and MCP's `_meta` carry it. */
export interface TraceContext {
  /** Version, trace, parent and flags, such as `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`. */
  readonly traceparent: string;
  /** What tracing systems have to say of it, each in its own form; only with a `traceparent`. */
  readonly tracestate?: string;
}
