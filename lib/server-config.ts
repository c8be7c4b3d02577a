import { type ForwardRule, forwardRules } from './auth/forward';
import { checkFunction, checkInteger, checkObject, checkString, checkStringRecord, checkStrings, join } from './checks';
import { ConfigError } from './errors';
import { glob } from './glob';
import type { McpServerConfig } from './mcp/server';
import type { CustomSpec, TransportSpec } from './mcp/transport';

/** One server's options, checked and complete. */
export interface ServerConfig extends McpServerConfig {
  readonly forward: readonly ForwardRule[];
}

type Fields = Readonly<Record<string, unknown>>;

const COMMON_OPTIONS = ['type', 'tools', 'disabledTools', 'timeoutMs', 'maxTotalTimeoutMs', 'pool'];
const STDIO_OPTIONS = [...COMMON_OPTIONS, 'command', 'args', 'env', 'cwd'];
const HTTP_OPTIONS = [...COMMON_OPTIONS, 'url', 'headers', 'forwardHeaders'];
const CUSTOM_OPTIONS = [...COMMON_OPTIONS, 'connect', 'forwardHeaders'];
const HTTP_TYPES = ['streamable-http', 'streamable_http', 'streamablehttp', 'http'];

/**
 * Checks the options of one server.
 *
 * @throws ConfigError for an unknown key, a wrong type or an impossible value
 */
export function serverConfig(name: string, value: unknown, connectTimeoutMs: number): ServerConfig {
  const path = join('servers', name);
  if (name === '' || name === '.' || name === '..' || name.includes('/') || !name.isWellFormed()) {
    throw new ConfigError(path, 'must have a name that can be one path segment');
  }
  const { fields, transport } = serverKind(path, value);
  const timeoutMs = checkInteger(`${path}.timeoutMs`, fields.timeoutMs, 1, 60_000);
  const maxTotalTimeoutMs = checkInteger(
    `${path}.maxTotalTimeoutMs`,
    fields.maxTotalTimeoutMs,
    timeoutMs,
    Math.max(600_000, timeoutMs),
  );
  return {
    name,
    transport,
    isServed: toolFilter(path, fields),
    timeoutMs,
    maxTotalTimeoutMs,
    connectTimeoutMs: connectTimeout(`${path}.pool`, fields.pool, connectTimeoutMs),
    forward: forwardRules(`${path}.forwardHeaders`, fields.forwardHeaders),
  };
}

function serverKind(path: string, value: unknown): { readonly fields: Fields; readonly transport: TransportSpec } {
  const given = checkObject(path, value, typeof value === 'object' && value !== null ? Object.keys(value) : []);
  // What a kind of server does not have may stand there as undefined.
  const any = Object.fromEntries(Object.entries(given).filter(([, item]) => item !== undefined));
  const kinds = ['command', 'url', 'connect'].filter((key) => Object.hasOwn(any, key));
  if (kinds.length !== 1) throw new ConfigError(path, 'must have exactly one of command, url and connect');
  if (kinds[0] === 'command') return stdioServer(path, checkObject(path, any, STDIO_OPTIONS));
  if (kinds[0] === 'url') return httpServer(path, checkObject(path, any, HTTP_OPTIONS));
  const fields = checkObject(path, any, CUSTOM_OPTIONS);
  checkFunction(`${path}.connect`, fields.connect);
  return { fields, transport: { kind: 'custom', connect: fields.connect as CustomSpec['connect'] } };
}

function stdioServer(path: string, fields: Fields): { readonly fields: Fields; readonly transport: TransportSpec } {
  checkType(path, fields.type, ['stdio']);
  return {
    fields,
    transport: {
      kind: 'stdio',
      command: checkString(`${path}.command`, fields.command),
      args: checkArgs(`${path}.args`, fields.args),
      env: checkStringRecord(`${path}.env`, fields.env),
      ...(fields.cwd !== undefined && { cwd: checkString(`${path}.cwd`, fields.cwd) }),
    },
  };
}

function httpServer(path: string, fields: Fields): { readonly fields: Fields; readonly transport: TransportSpec } {
  checkType(path, fields.type, [...HTTP_TYPES, 'sse']);
  const text = String(fields.url);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // The URL may hold a secret in its query, so that the error does not show it.
  if (!url || !/^https?:$/.test(url.protocol)) throw new ConfigError(`${path}.url`, 'must be an http: or https: URL');
  const headers = checkStringRecord(`${path}.headers`, fields.headers);
  try {
    new Headers(headers);
  } catch {
    throw new ConfigError(`${path}.headers`, 'must hold valid header names and values');
  }
  const mode = fields.type === undefined ? 'auto' : fields.type === 'sse' ? 'sse' : 'streamable-http';
  return { fields, transport: { kind: 'http', url, headers, mode } };
}

function checkType(path: string, type: unknown, allowed: readonly string[]): void {
  if (type === undefined || allowed.includes(type as string)) return;
  throw new ConfigError(`${path}.type`, `must be ${allowed.join(' or ')} here`, { value: type });
}

/** Arguments of a command may be empty strings. */
function checkArgs(path: string, value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) {
    throw new ConfigError(path, 'must be an array of strings');
  }
  return value as string[];
}

function toolFilter(path: string, fields: Fields): (name: string) => boolean {
  const tools = checkObject(`${path}.tools`, fields.tools ?? {}, ['include', 'exclude']);
  const include = tools.include === undefined ? ['*'] : checkStrings(`${path}.tools.include`, tools.include);
  const exclude = [
    ...checkStrings(`${path}.tools.exclude`, tools.exclude),
    ...checkStrings(`${path}.disabledTools`, fields.disabledTools),
  ];
  const isIncluded = glob(include);
  const isExcluded = glob(exclude);
  return (name) => isIncluded(name) && !isExcluded(name);
}

/** The connect timeout in a `pool` option. */
export function connectTimeout(path: string, value: unknown, fallback: number): number {
  const pool = checkObject(path, value ?? {}, ['connectTimeoutMs']);
  return checkInteger(`${path}.connectTimeoutMs`, pool.connectTimeoutMs, 1, fallback);
}
