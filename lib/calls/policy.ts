import { glob } from '../util/glob';
import type { Tool } from '../mcp/tools/tool';

/** What calling a tool may do: nothing, the same thing however often, or anything. */
export type Access = 'read' | 'idempotent' | 'write';

/** How fast the results of a reading tool grow old. */
export type Kind = 'static' | 'dynamic' | 'realtime' | 'default';

/** What may be done with the calls of one tool. */
export interface ToolPolicy {
  /** What calling it may do, by configuration, else by its server's annotations, else `write`. */
  readonly access: Access;
  /** How fast its results grow old, by its name. */
  readonly kind: Kind;
  /** How long a result is kept, in milliseconds; 0: not at all. */
  readonly ttlMs: number;
  /** The name of the cache that keeps its results. */
  readonly cache: string;
  /** Whether equal calls at the same time run once. */
  readonly shared: boolean;
  /** Whether a call is made again although it may have run. */
  readonly retried: boolean;
}

/** What the operator says of the tools that fit a pattern. */
export interface AccessRule {
  readonly fits: (path: string) => boolean;
  readonly access: Access;
}

/** How the tools that fit a pattern are cached. */
export interface CacheRule {
  readonly fits: (path: string) => boolean;
  readonly ttlMs: number | undefined;
  readonly cache: string | undefined;
  /** The default lifetime of that cache, where it has one of its own. */
  readonly cacheTtlMs?: number | undefined;
}

/** What policies are made from. */
export interface PolicyConfig {
  /** The first that fits wins. */
  readonly access: readonly AccessRule[];
  /** `undefined`: nothing is cached. */
  readonly cache: CachePolicyConfig | undefined;
  readonly share: boolean;
}

/** What of a server the policies of its tools depend on. */
export interface ServerPolicy {
  /** Whether its annotations are believed. */
  readonly trustAnnotations: boolean;
  readonly stateful: boolean;
  /** 0: its tools are not cached. */
  readonly defaultTtlMs: number;
  readonly retry: { readonly maxAttempts: number };
}

/** How long results are kept. */
export interface CachePolicyConfig {
  /** The first that fits wins. */
  readonly tools: readonly CacheRule[];
  readonly kinds: Readonly<Record<Exclude<Kind, 'default'>, KindRule>>;
}

/** Which names belong to a kind, and how long its results are kept. */
export interface KindRule {
  readonly patterns: readonly string[];
  readonly ttlMs: number;
}

/** What a server says of a tool; `undefined` also where it is not believed. */
type Annotations = Tool['definition']['annotations'];

/** What may be done with the calls of a tool. */
export function policyOf(tool: Tool, server: ServerPolicy, { access: rules, cache, share }: PolicyConfig): ToolPolicy {
  const path = `${tool.server}/${tool.name}`;
  const rule = cache?.tools.find(({ fits }) => fits(path));
  const annotations = server.trustAnnotations ? tool.definition.annotations : undefined;
  const access = accessOf(path, annotations, rules, rule);
  const kind = kindOf(tool.name, annotations, cache?.kinds);
  // What concerns a session's state, which may be lost with its connection, is neither kept by default nor done again.
  const defaultTtlMs = server.stateful ? 0 : server.defaultTtlMs;
  const retries = !server.stateful && server.retry.maxAttempts > 1;
  return {
    access,
    kind,
    ttlMs: access === 'read' ? ttlOf(kind, defaultTtlMs, cache, rule) : 0,
    cache: rule?.cache ?? 'default',
    shared: share && access !== 'write',
    retried: retries && access !== 'write',
  };
}

function accessOf(
  path: string,
  annotations: Annotations,
  rules: readonly AccessRule[],
  rule: CacheRule | undefined,
): Access {
  const said = rules.find(({ fits }) => fits(path))?.access;
  if (said) return said;
  // Who gives a tool a lifetime says that it reads; a pattern may fit more than was meant.
  if (rule?.ttlMs && annotations?.readOnlyHint !== false) return 'read';
  // The specification's `true` alone counts, not what a server takes for it.
  if (annotations?.readOnlyHint === true) return 'read';
  return annotations?.idempotentHint === true ? 'idempotent' : 'write';
}

function ttlOf(
  kind: Kind,
  defaultTtlMs: number,
  cache: CachePolicyConfig | undefined,
  rule: CacheRule | undefined,
): number {
  if (!cache) return 0;
  const explicit = rule?.ttlMs ?? rule?.cacheTtlMs;
  if (explicit !== undefined) return explicit;
  if (kind === 'default' || defaultTtlMs === 0) return defaultTtlMs;
  return cache.kinds[kind].ttlMs;
}

/** The shortest-lived kind wins: a result that is kept too short costs a call, one kept too long is wrong. */
function kindOf(name: string, annotations: Annotations, kinds: CachePolicyConfig['kinds'] | undefined): Kind {
  if (!kinds) return 'default';
  const names = [name, words(name)];
  const is = (kind: Exclude<Kind, 'default'>): boolean => names.some(glob(kinds[kind].patterns));
  if (is('realtime')) return 'realtime';
  if (annotations?.openWorldHint === true || is('dynamic')) return 'dynamic';
  return is('static') ? 'static' : 'default';
}

/** `getCurrentTime` and `get-current-time` as `get_current_time`, `HTTPStatus` as `http_status`. */
function words(name: string): string {
  return name
    .replace(/([\p{Ll}\d])(\p{Lu})/gu, '$1_$2')
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1_$2')
    .replace(/[^\p{L}\p{N}]+/gu, '_')
    .toLowerCase();
}
