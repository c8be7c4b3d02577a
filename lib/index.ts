export { ToolCall, toolCall } from './call';
export type { Failure, Format, Outcome, Success, ToolCallInit } from './call';
export { ConfigError, ERROR_CODES, McpoError, isMcpoError } from './errors';
export type { ArgumentError, ErrorCode, McpoErrorOptions, Problem } from './errors';
export { mcpoRouter } from './router';
export type { McpoLayers, McpoRouter, McpoStats } from './router';
export type { ErrorLayer, Layer } from './http';
export type { ServerStatus } from './mcp/server';
export type {
  ApiInfo,
  CommonServerOptions,
  ConnectContext,
  CustomServerOptions,
  ForwardHeaders,
  HttpServerOptions,
  Logger,
  McpoOptions,
  PoolOptions,
  ServerOptions,
  StdioServerOptions,
  ToolFilter,
} from './options';
