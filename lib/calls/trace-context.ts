/** The trace context of a call (W3C Trace Context), as in headers and in MCP's `_meta`. */
export interface TraceContext {
  /** Version, trace, parent and flags, such as `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`. */
  readonly traceparent: string;
  /** Data of tracing systems; only together with a `traceparent`. */
  readonly tracestate?: string;
}
