import type { SmartCacheOptions } from './cache/options';
import type { LimiterOptions, MaxConcurrent } from './limit/options';
import type { Access } from './calls/policy';
import type { FleetFlights } from './share/fleet';

/** How results are cached. Only tools that read are. */
export interface CacheOptions extends SmartCacheOptions {
  /**
   * How single tools are cached, by patterns over `server/tool`; the first that fits wins. A tool that is given a
   * lifetime counts as one that reads. @defaultValue none
   */
  readonly tools?: Readonly<Record<string, ToolCacheOptions>> | undefined;
  /** Which tools' results grow old how fast, by name. */
  readonly kinds?: KindsOptions | undefined;
  /** Further caches by name, for the tools that `tools` gives them. @defaultValue none */
  readonly caches?: Readonly<Record<string, SmartCacheOptions>> | undefined;
}

/** How one tool is cached. */
export interface ToolCacheOptions {
  /** How long a result is kept, in milliseconds; 0: not at all. @defaultValue by the tool's kind */
  readonly ttlMs?: number | undefined;
  /** The cache that keeps it. @defaultValue `'default'` */
  readonly cache?: string | undefined;
}

/** The kinds of reading tools: the shortest-lived that fits wins. */
export interface KindsOptions {
  /** Schema, help, describe, list: 3600 s. */
  readonly static?: KindOptions | undefined;
  /** Search, query, and tools annotated with `openWorldHint`: 60 s. */
  readonly dynamic?: KindOptions | undefined;
  /** Time, now, random, uuid, status: never cached. */
  readonly realtime?: Pick<KindOptions, 'patterns'> | undefined;
}

/** One kind of tools. */
export interface KindOptions {
  /** Patterns over the tool's name, and over its name in `snake_case`. @defaultValue the words of the kind */
  readonly patterns?: readonly string[] | undefined;
  /** How long a result is kept, in milliseconds. @defaultValue 3600000 for static, 60000 for dynamic */
  readonly ttlMs?: number | undefined;
}

/** Limits on one thing: all calls, those of a server, or those of a tool. */
export type LimitOptions = Omit<LimiterOptions, 'name'>;

/** How many calls run at once. */
export interface ConcurrencyOptions extends LimitOptions {
  /**
   * Limits of single tools, by patterns over `server/tool`; the first that fits wins. Each tool has a limit of its own.
   * @defaultValue none
   */
  readonly tools?: Readonly<Record<string, MaxConcurrent | LimitOptions>> | undefined;
}

/** How equal calls at the same time are run as one. */
export interface SharingOptions {
  /** How old a call in flight may be and still be joined, in milliseconds. @defaultValue 60000 */
  readonly windowMs?: number | undefined;
  /**
   * Shares calls of tools that read with other instances: the `flights` of a `redisFleet`. @defaultValue none: calls are
   * shared within this process
   */
  readonly fleet?: FleetFlights | undefined;
}

/** When a server that cannot be reached is left alone. */
export interface BreakerSettings {
  /** How many connection failures in a row open the breaker. @defaultValue 5 */
  readonly threshold?: number | undefined;
  /** How long it stays open at first, in milliseconds; doubled up to 30 s while the server stays away. @defaultValue 5000 */
  readonly cooldownMs?: number | undefined;
}

/**
 * What calling tools does, by patterns over `server/tool`: `'read'` nothing, `'idempotent'` the same however often,
 * `'write'` anything. The first that fits wins, over the server's annotations.
 */
export type AccessOptions = Readonly<Record<string, Access>>;
