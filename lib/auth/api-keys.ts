import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { sha256 } from '../util/sha256';

const BEARER = /^Bearer +([\x21-\x7e]+) *$/i;

/** The API keys of a router. Comparison takes constant time, whatever the lengths. */
export class ApiKeys {
  // With a secret per process, timing reveals nothing about the keys.
  readonly #secret = randomBytes(32);
  readonly #keys: readonly { readonly digest: Buffer; readonly principal: string }[];

  constructor(keys: readonly string[]) {
    this.#keys = keys.map((key) => ({ digest: this.#digest(key), principal: sha256(key) }));
  }

  /** The credentials of a request: its Bearer token and its `X-API-Key` header. */
  static presented(headers: IncomingHttpHeaders): readonly string[] {
    const presented: string[] = [];
    const token = BEARER.exec(headers.authorization ?? '')?.[1];
    if (token !== undefined) presented.push(token);
    const key = headers['x-api-key'];
    if (typeof key === 'string') presented.push(key);
    return presented;
  }

  /** The hash of a valid key, the same in every process; `undefined` for an invalid one. */
  match(candidate: string): string | undefined {
    const digest = this.#digest(candidate);
    let principal: string | undefined;
    // No early exit: the time must not reveal which key matched.
    for (const key of this.#keys) if (timingSafeEqual(key.digest, digest)) principal = key.principal;
    return principal;
  }

  /** Whether a header value is one of the keys, bare or as a Bearer token. */
  isIn(value: string): boolean {
    return this.match(BEARER.exec(value)?.[1] ?? value) !== undefined;
  }

  #digest(value: string): Buffer {
    return createHmac('sha256', this.#secret).update(value).digest();
  }
}
