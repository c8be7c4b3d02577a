export { Answer, ToolCall } from './calls/call';
export type { Format } from './calls/call';
export type { CallLayer, Next } from './calls/pipeline';
export type { Aborter, Cancellation } from './util/cancellation';
export { ConfigError, ERROR_CODES, McpoError, isMcpoError } from './errors';
export type { ArgumentError, ErrorCode, McpoErrorOptions, Problem } from './errors';
export { mcpoRouter } from './router';
export type { CallToolOptions, McpoRouter, McpoStats } from './router';
export type { Layer } from './http/compose';
export type { Progress } from './mcp/session/pending-call';
export type { Logger } from './util/logger';
export { concurrencyLimit } from './layers/concurrency-limit';
export type { ConcurrencyLimit } from './layers/concurrency-limit';
export { requestMetrics } from './layers/request-metrics';
export type { RequestMetricsOptions } from './layers/request-metrics';
export type { ServerState, ServerStatus } from './servers/status';
export type { Access, Kind, ToolPolicy } from './calls/policy';

export { CacheManager } from './cache/cache-manager';
export { MemoryStore } from './cache/memory-store';
export { SmartCache } from './cache/smart-cache';
export type { SaveOptions } from './cache/smart-cache';
export type { CacheEvents, CacheStats } from './cache/smart-cache-numbers';
export type { SmartCacheOptions } from './cache/options';
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
export type { MaybePromise } from './util/maybe-promise';
export { ConcurrencyLimiter } from './limit/limiter';
export type { LimiterOptions, MaxConcurrent } from './limit/options';
export type { AcquireOptions, Permit } from './limit/permit';
export { ConnectionPool } from './pool/pool';
export { PoolManager } from './pool/pool-manager';
export type { CloseReason, ErrorReason, PoolEvent, PoolStats } from './pool/events';
export type { Lease, Open, PoolResource } from './pool/resource';
export type { BreakerState } from './pool/breaker';
export type { BreakerOptions, PoolOptions as ConnectionPoolOptions } from './pool/options';
export type { Credentials, OpenFor, ServerPoolOptions, ServerPoolStats } from './pool/server-pools';
export { PerformanceMonitor } from './monitor/performance-monitor';
export type { MonitorEvents, Observation } from './monitor/performance-monitor';
export type { Alert, AlertKind } from './monitor/alerts';
export type { AlertOptions, MonitorOptions } from './monitor/options';
export type { PerformanceStats } from './monitor/track';
export type { CacheJson, MetricsJson } from './pages/metrics-json';
export { Retrier } from './retry/retry';
export type { RetryCall } from './retry/retry';
export type { RetryOptions } from './retry/options';
export type { FleetFlight, FleetFlights } from './share/fleet';
export { RequestDeduplicator } from './share/deduplicator';
export type { DeduplicatorOptions, ShareOptions, ShareStats } from './share/deduplicator';

export type {
  AccessOptions,
  CacheOptions,
  ConcurrencyOptions,
  KindOptions,
  KindsOptions,
  LimitOptions,
  SharingOptions,
  ToolCacheOptions,
} from './options';
export type {
  ApiInfo,
  CommonServerOptions,
  ConnectContext,
  CustomServerOptions,
  ForwardHeaders,
  HttpServerOptions,
  McpoOptions,
  MetricsOptions,
  PoolOptions,
  Principal,
  ServerOptions,
  StdioServerOptions,
  ToolFilter,
} from './options';
