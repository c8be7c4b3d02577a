import { glob } from '../util/glob';
import type { Tool } from '../mcp/tools/tool';
import type { Correction } from './corrections';

/** The effect of calling a tool: none, the same however often it is called, or any. */
export type Access = 'read' | 'idempotent' | 'write';

/** How fast the results of a tool change. */
export type Kind = 'static' | 'dynamic' | 'realtime' | 'default';

/** How the calls of one tool are treated. */
export interface ToolPolicy {
  /** The effect of a call, by configuration, else by the server's annotations, else `write`. */
  readonly access: Access;
  /** How fast its results change, by its name. */
  readonly kind: Kind;
  /** Lifetime of a cached result, in milliseconds; 0: not cached. */
  readonly ttlMs: number;
  /** The name of the cache of its results. */
  readonly cache: string;
  /** Whether equal calls in flight are shared. */
  readonly shared: boolean;
  /** Whether a call that may have run is retried. */
  readonly retried: boolean;
}

/** A pattern of tools with their access. */
export interface AccessRule {
  readonly fits: (path: string) => boolean;
  readonly access: Access;
}

/** A pattern of tools with their caching. */
export interface CacheRule {
  readonly fits: (path: string) => boolean;
  readonly ttlMs: number | undefined;
  readonly cache: string | undefined;
  /** The default lifetime of that cache, if it has one of its own. */
  readonly cacheTtlMs?: number | undefined;
}

/** The options behind policies. */
export interface PolicyConfig {
  /** The first match wins. */
  readonly access: readonly AccessRule[];
  readonly cache: CachePolicyConfig;
  readonly share: boolean;
}

/** The options of a server that affect the policies of its tools. */
export interface ServerPolicy {
  readonly trustAnnotations: boolean;
  readonly stateful: boolean;
  /** `ttlMs` 0: only tools with a lifetime of their own are cached. */
  readonly cache: { readonly ttlMs: number };
  readonly retry: { readonly maxAttempts: number };
}

/** How long results are cached. */
export interface CachePolicyConfig {
  /** The first match wins. */
  readonly tools: readonly CacheRule[];
  readonly kinds: Readonly<Record<Exclude<Kind, 'default'>, KindRule>>;
}

/** The names of a kind of tools, and the lifetime of their results. */
export interface KindRule {
  readonly patterns: readonly string[];
  readonly ttlMs: number;
  /** Whether a match of the patterns may lengthen the default lifetime, and not only shorten it: a name is a guess. */
  readonly mayLengthen: boolean;
}

/** `undefined` also if the server is not trusted. */
type Annotations = Tool['definition']['annotations'];

/** Derives the policy of a tool. The operator's `access` wins over what is known of the tool, and that over annotations. */
export function policyOf(
  tool: Tool,
  server: ServerPolicy,
  { access: rules, cache, share }: PolicyConfig,
  correction: Correction = {},
): ToolPolicy {
  const path = `${tool.server}/${tool.name}`;
  const rule = cache.tools.find(({ fits }) => fits(path));
  const annotations = server.trustAnnotations ? tool.definition.annotations : undefined;
  const access = accessOf(path, annotations, rules, correction);
  const kind = kindOf(tool.name, annotations, cache.kinds);
  // A call may depend on the state of its session: it is neither cached by default nor retried.
  const defaultTtlMs = server.stateful ? 0 : server.cache.ttlMs;
  const retries = !server.stateful && server.retry.maxAttempts > 1;
  return {
    access,
    kind: kind.name,
    ttlMs: access === 'read' ? (rule?.ttlMs ?? rule?.cacheTtlMs ?? ttlOf(kind, defaultTtlMs)) : 0,
    cache: rule?.cache ?? 'default',
    // Who asks for the same at the same moment gets the same: but not of a clock, nor of what says that a repetition differs.
    shared: share && access === 'read' && kind.name !== 'realtime' && annotations?.idempotentHint !== false,
    retried: retries && access !== 'write',
  };
}

function accessOf(
  path: string,
  annotations: Annotations,
  rules: readonly AccessRule[],
  { writes }: Correction,
): Access {
  const configured = rules.find(({ fits }) => fits(path))?.access;
  if (configured) return configured;
  if (writes) return 'write';
  // Exactly `true`, not a truthy value.
  if (annotations?.readOnlyHint === true) return 'read';
  return annotations?.idempotentHint === true ? 'idempotent' : 'write';
}

interface KnownKind {
  readonly name: Kind;
  /** Lifetime of its results, in milliseconds; `undefined`: the default. */
  readonly ttlMs?: number;
  readonly mayLengthen?: boolean;
}

function ttlOf({ ttlMs, mayLengthen }: KnownKind, defaultTtlMs: number): number {
  if (ttlMs === undefined || defaultTtlMs === 0) return defaultTtlMs;
  return mayLengthen ? ttlMs : Math.min(ttlMs, defaultTtlMs);
}

/** The shortest-lived kind wins: too short a lifetime costs a call, too long a one gives a wrong answer. */
function kindOf(name: string, annotations: Annotations, kinds: CachePolicyConfig['kinds']): KnownKind {
  const names = [name, words(name)];
  const open = annotations?.openWorldHint;
  const { realtime, dynamic, static: fixed } = kinds;
  const is = ({ patterns }: KindRule): boolean => names.some(glob(patterns));
  if (is(realtime)) return { ...realtime, name: 'realtime' };
  if (is(dynamic)) return { ...dynamic, name: 'dynamic' };
  if (open === true) return { ...dynamic, mayLengthen: false, name: 'dynamic' };
  if (is(fixed)) return { ...fixed, name: 'static' };
  // The world is open where nothing is said, by the specification; a name says more than that.
  return open === false ? { name: 'default' } : { ...dynamic, mayLengthen: false, name: 'dynamic' };
}

/** `getCurrentTime` and `get-current-time` as `get_current_time`, `HTTPStatus` as `http_status`. */
function words(name: string): string {
  return name
    .replace(/([\p{Ll}\d])(\p{Lu})/gu, '$1_$2')
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1_$2')
    .replace(/[^\p{L}\p{N}]+/gu, '_')
    .toLowerCase();
}
