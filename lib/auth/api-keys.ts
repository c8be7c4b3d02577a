import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

const BEARER = /^Bearer +([\x21-\x7e]+) *$/i;

/** The API keys of a router; compares in constant time, whatever the lengths. */
export class ApiKeys {
  // A fresh secret makes the digests of a guess useless for learning anything about the keys by timing.
  readonly #secret = randomBytes(32);
  readonly #keys: readonly { readonly digest: Buffer; readonly principal: string }[];

  constructor(keys: readonly string[]) {
    this.#keys = keys.map((key) => ({
      digest: this.#digest(key),
      principal: createHash('sha256').update(key).digest('base64url'),
    }));
  }

  /** The credentials of a request: the Bearer token and the `X-API-Key` header, where there are any. */
  static presented(headers: IncomingHttpHeaders): readonly string[] {
    const presented: string[] = [];
    const token = BEARER.exec(headers.authorization ?? '')?.[1];
    if (token !== undefined) presented.push(token);
    const key = headers['x-api-key'];
    if (typeof key === 'string') presented.push(key);
    return presented;
  }

  /** A hash that stands for the key, the same in every process; `undefined` when the candidate is none of the keys. */
  match(candidate: string): string | undefined {
    const digest = this.#digest(candidate);
    let principal: string | undefined;
    // No early exit: the time must not tell which key matched.
    for (const key of this.#keys) if (timingSafeEqual(key.digest, digest)) principal = key.principal;
    return principal;
  }

  /** Whether a header's value carries one of the keys, bare or as a Bearer token. */
  isIn(value: string): boolean {
    return this.match(BEARER.exec(value)?.[1] ?? value) !== undefined;
  }

  #digest(value: string): Buffer {
    return createHmac('sha256', this.#secret).update(value).digest();
  }
}
