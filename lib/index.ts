export { mcpoRouter } from './router';
export type { CallToolOptions, McpoRouter, McpoStats, ToolResult } from './router';
export { concurrencyLimit } from './layers/concurrency-limit';
export type { ConcurrencyLimit } from './layers/concurrency-limit';
export { requestMetrics } from './layers/request-metrics';
export type { RequestMetricsOptions } from './layers/request-metrics';
export type { Layer } from './http/compose';
export { ConfigError, ERROR_CODES, McpoError, isMcpoError } from './errors';
export type { ArgumentError, ErrorCode, McpoErrorOptions, Problem } from './errors';
export { Answer } from './calls/call';
export { JsonNumber } from './util/exact-json';
export type { ExactJson, ExactNumber } from './util/exact-json';
export type { Format, ToolCall } from './calls/call';
export type { CallLayer, Next } from './calls/layer';
export type { Access, Kind, ToolPolicy } from './calls/policy';
export type { ArgumentReading } from './mcp/schema/lenient';
export type { Progress } from './mcp/session/pending-call';
export type { ServerState, ServerStatus } from './servers/status';

export type {
  AccessOptions,
  ApiInfo,
  CacheOptions,
  CommonServerOptions,
  ConcurrencyOptions,
  ConnectContext,
  CustomServerOptions,
  ForwardHeaders,
  HttpServerOptions,
  KindOptions,
  KindsOptions,
  LimitOptions,
  Decision,
  ServerCacheOptions,
  ServerLimitOptions,
  McpoOptions,
  MetricsOptions,
  PoolOptions,
  Principal,
  ServerOptions,
  SharingOptions,
  StdioServerOptions,
  ToolCacheOptions,
  ToolFilter,
} from './options';
export type { Logger } from './util/logger';

// What an option takes or the router shows; `express-mcpo/parts` has the classes.
export type { CacheManager } from './cache/cache-manager';
export type { SmartCacheOptions } from './cache/options';
export type { CacheEvents, CacheStats, SaveOptions, SmartCache } from './cache/smart-cache';
export type {
  CacheEntry,
  CacheStore,
  EvictReason,
  Eviction,
  Found,
  Generation,
  StoreBounds,
  StoreFactory,
  StoreHealth,
  StoreInit,
  Strategy,
} from './cache/store';
export type { ConcurrencyLimiter } from './limit/limiter';
export type { LimiterOptions, MaxConcurrent } from './limit/options';
export type { AcquireOptions, Permit, PermitSource } from './limit/permit';
export type { CloseReason, ErrorReason, PoolEvent, PoolStats } from './pool/events';
export type { BreakerOptions, PoolOptions as ConnectionPoolOptions } from './pool/options';
export type { Alert, AlertKind } from './monitor/alerts';
export type { AlertOptions, MonitorOptions } from './monitor/options';
export type { MonitorEvents, Observation, PerformanceMonitor } from './monitor/performance-monitor';
export type { PerformanceStats } from './monitor/track';
export type { Health } from './pages/health';
export type { CacheJson, MetricsJson } from './pages/metrics';
export type { RetryOptions } from './retry/options';
export type { FleetFlight, FleetFlights } from './share/fleet';
export type { Cancellation } from './util/cancellation';
export type { MaybePromise } from './util/maybe-promise';
export type { SafeEmitter } from './util/safe-emitter';
