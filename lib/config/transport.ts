import { ConfigError } from '../errors';
import type { CustomSpec, TransportSpec } from '../mcp/transport-spec';
import { checkFunction, checkObject, checkString, checkStringRecord } from '../util/checks';
import { type JsonObject, isObject } from '../util/json-object';

/** The options of one server, and how to reach it. */
export interface ServerKind {
  readonly fields: JsonObject;
  readonly transport: TransportSpec;
}

const COMMON_OPTIONS = [
  ...'type tools disabledTools timeoutMs maxTotalTimeoutMs trustAnnotations arguments stateful'.split(' '),
  ...'cache concurrency retry pool'.split(' '),
];
const STDIO_OPTIONS = [...COMMON_OPTIONS, 'command', 'args', 'env', 'cwd'];
const HTTP_OPTIONS = [...COMMON_OPTIONS, 'url', 'headers', 'forwardHeaders'];
const CUSTOM_OPTIONS = [...COMMON_OPTIONS, 'connect', 'forwardHeaders'];
const HTTP_TYPES = ['streamable-http', 'streamable_http', 'streamablehttp', 'http'];

/** Finds out the kind of a server, and rejects options of other kinds. */
export function serverKind(path: string, value: unknown): ServerKind {
  const given = checkObject(path, value, isObject(value) ? Object.keys(value) : []);
  // Options of other kinds may be present as undefined.
  const any = Object.fromEntries(Object.entries(given).filter(([, item]) => item !== undefined));
  const kinds = ['command', 'url', 'connect'].filter((key) => Object.hasOwn(any, key));
  if (kinds.length !== 1) throw new ConfigError(path, 'must have exactly one of command, url and connect');
  if (kinds[0] === 'command') return stdioServer(path, checkObject(path, any, STDIO_OPTIONS));
  if (kinds[0] === 'url') return httpServer(path, checkObject(path, any, HTTP_OPTIONS));
  const fields = checkObject(path, any, CUSTOM_OPTIONS);
  checkFunction(`${path}.connect`, fields.connect);
  return { fields, transport: { kind: 'custom', connect: fields.connect as CustomSpec['connect'] } };
}

function stdioServer(path: string, fields: JsonObject): ServerKind {
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

function httpServer(path: string, fields: JsonObject): ServerKind {
  checkType(path, fields.type, [...HTTP_TYPES, 'sse']);
  const text = String(fields.url);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // The error does not show the URL, which may hold secrets.
  if (!url || !/^https?:$/.test(url.protocol) || !isDecodable(url.username + url.password))
    throw new ConfigError(`${path}.url`, 'must be an http: or https: URL');
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

/** Unlike `checkStrings()`, allows empty strings. */
function checkArgs(path: string, value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) {
    throw new ConfigError(path, 'must be an array of strings');
  }
  return value as string[];
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
