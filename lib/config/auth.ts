import type { AuthConfig } from '../auth/authenticator';
import { ConfigError } from '../errors';
import { checkFunction, checkString, checkStrings } from '../util/checks';
import type { JsonObject } from '../util/json-object';

/** Validates the options on who may use the router: API keys or `authorize`, origins and hosts. */
export function authConfig(fields: JsonObject, env: NodeJS.ProcessEnv): AuthConfig {
  const authorize = checkFunction('authorize', fields.authorize as AuthConfig['authorize']);
  const given = fields.apiKey === '' || fields.apiKey === false ? undefined : fields.apiKey;
  if (authorize && given !== undefined) throw new ConfigError('authorize', 'must not be given together with apiKey');
  return {
    apiKeys: authorize || fields.apiKey === false ? [] : apiKeys(fields, env.MCPO_API_KEY),
    isOpenOnPurpose: fields.apiKey === false,
    authorize,
    allowedOrigins: new Set(checkStrings('allowedOrigins', fields.allowedOrigins).map(originOf)),
    allowedHosts: new Set(checkStrings('allowedHosts', fields.allowedHosts).map((host) => host.toLowerCase())),
  };
}

/** An empty key or list is an error: it would leave open a router that was meant to be closed. */
function apiKeys(fields: JsonObject, variable: string | undefined): readonly string[] {
  const { apiKey: option } = fields;
  if (option === undefined || option === '') {
    if (variable !== undefined) return [apiKey('MCPO_API_KEY', variable)];
    if (!Object.hasOwn(fields, 'apiKey')) return [];
    const problem = `is ${option === '' ? 'empty' : 'undefined'}: set the key, or false to let everybody in on purpose`;
    throw new ConfigError('apiKey', problem);
  }
  if (!Array.isArray(option)) return [apiKey('apiKey', option)];
  if (option.length === 0) throw new ConfigError('apiKey', 'must hold at least one key');
  return option.map((key, index) => apiKey(`apiKey[${String(index)}]`, key));
}

function apiKey(path: string, value: unknown): string {
  const key = checkString(path, value);
  // RFC 9110 allows these in a header; spaces would be trimmed.
  if (!/^[\x21-\x7e]+$/.test(key))
    throw new ConfigError(path, 'must consist of visible ASCII characters without spaces');
  return key;
}

function originOf(origin: string, index: number): string {
  if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
    const problem = 'must be an origin such as https://app.example';
    throw new ConfigError(`allowedOrigins[${String(index)}]`, problem, { value: origin });
  }
  return origin;
}
