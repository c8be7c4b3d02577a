import { ConfigError } from '../errors';
import type { CustomSpec, TransportSpec } from '../mcp/transport-spec';
import { checkFunction, checkObject, checkString, checkStringRecord } from '../util/checks';

type Fields = Readonly<Record<string, unknown>>;

/** What the options of one server say, and how it is reached. */
export interface ServerKind {
  readonly fields: Fields;
  readonly transport: TransportSpec;
}

const COMMON_OPTIONS = [
  'type',
  'tools',
  'disabledTools',
  'timeoutMs',
  'maxTotalTimeoutMs',
  'trustAnnotations',
  'stateful',
  'cache',
  'concurrency',
  'retry',
  'pool',
];
const STDIO_OPTIONS = [...COMMON_OPTIONS, 'command', 'args', 'env', 'cwd'];
const HTTP_OPTIONS = [...COMMON_OPTIONS, 'url', 'headers', 'forwardHeaders'];
const CUSTOM_OPTIONS = [...COMMON_OPTIONS, 'connect', 'forwardHeaders'];
const HTTP_TYPES = ['streamable-http', 'streamable_http', 'streamablehttp', 'http'];

/** Tells by its options which kind of server it is, and checks what that kind may have. */
export function serverKind(path: string, value: unknown): ServerKind {
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

function stdioServer(path: string, fields: Fields): ServerKind {
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

function httpServer(path: string, fields: Fields): ServerKind {
  checkType(path, fields.type, [...HTTP_TYPES, 'sse']);
  const text = String(fields.url);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // The URL may hold a secret in its query, so that the error does not show it.
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

/** Arguments of a command may be empty strings. */
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
