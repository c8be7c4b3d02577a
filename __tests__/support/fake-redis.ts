import {
  ACQUIRE,
  CHECK,
  DELETE,
  DROP,
  GENERATION,
  TAGS,
  TAG_LENGTH,
  RELEASE,
  RENEW,
  SET,
  TOKEN_LENGTH,
  UNSETTLED,
} from '../../lib/redis/scripts';

type Arguments = readonly (string | Buffer)[];

interface Kept {
  readonly value: Buffer;
  readonly until: number;
}

/** A pattern whose only star that is no text is before its last character. */
function around(pattern: string): readonly [string, string] {
  return [pattern.slice(0, -2).replace(/\\(.)/g, '$1'), pattern.slice(-1)];
}

/** As much of Redis as a fleet uses, in this process, for tests of what happens when it fails. */
export class FakeRedis {
  readonly #kept = new Map<string, Kept>();
  readonly #sets = new Map<string, Set<string>>();
  /** The ends of the unsettled writes, by group and write. */
  readonly #ends = new Map<string, Map<string, number>>();
  readonly #known = new Set<string>();
  readonly #listeners = new Set<(message: string) => void>();
  /** The names of all commands so far. */
  readonly commands: string[] = [];
  /** Done to every command first: may throw, or never end. */
  before: (name: string) => Promise<void> | void = () => undefined;
  /** Done to every reply. */
  reply: (reply: unknown) => unknown = (reply) => reply;
  runId = 'one';
  mode = 'standalone';

  readonly sendCommand = async (args: Arguments): Promise<unknown> => {
    const name = String(args[0]);
    this.commands.push(name);
    await this.before(name);
    await Promise.resolve();
    return this.reply(this.#answer(name, args.slice(1)));
  };

  readonly subscribe = (_channel: string, listener: (message: string) => void): Promise<() => void> => {
    this.#listeners.add(listener);
    return Promise.resolve(() => this.#listeners.delete(listener));
  };

  #get(key: string): Buffer | null {
    const kept = this.#kept.get(key);
    return kept && kept.until > Date.now() ? kept.value : null;
  }

  #set(key: string, value: string | Buffer, ms = Infinity): 'OK' {
    this.#kept.set(key, { value: Buffer.from(value as string), until: Date.now() + ms });
    return 'OK';
  }

  #answer(name: string, args: Arguments): unknown {
    const [key = '', value = '', , ms] = args.map(String);
    const set = this.#sets.get(key) ?? new Set<string>();
    switch (name) {
      case 'GET':
        return this.#get(key);
      case 'MGET':
        return args.map((one) => this.#get(String(one)));
      case 'SET':
        return this.#set(key, args[1] ?? '', Number(ms));
      case 'DEL':
        this.#sets.delete(key);
        return Number(this.#kept.delete(key));
      case 'SADD':
        this.#sets.set(key, set.add(value));
        return 1;
      case 'SMEMBERS':
        return [...set].map((member) => Buffer.from(member));
      case 'SCAN': {
        const [begin, end] = around(String(args[2]));
        const keys = [...this.#kept.keys()].filter((kept) => kept.startsWith(begin) && kept.endsWith(end));
        // Half of them in each of two pages.
        const page = keys.filter((_, index) => String(index % 2) === key);
        return [Buffer.from(key === '0' ? '1' : '0'), page.map((one) => Buffer.from(one))];
      }
      case 'PUBLISH':
        for (const listener of this.#listeners) listener(value);
        return this.#listeners.size;
      case 'INFO':
        return Buffer.from(`# Server\r\nredis_mode:${this.mode}\r\nrun_id:${this.runId}\r\n`);
      default:
        return this.#script(name, key, args.slice(1));
    }
  }

  #script(name: string, script: string, [count, ...rest]: Arguments): unknown {
    const all = [GENERATION, CHECK, SET, TAGS, DELETE, DROP, ACQUIRE, RENEW, RELEASE];
    const found = all.find(({ sha1, source }) => (name === 'EVAL' ? source : sha1) === script);
    if (!found) throw new Error(`ERR unknown command ${name}`);
    if (name === 'EVALSHA' && !this.#known.has(found.sha1)) throw new Error('NOSCRIPT No matching script.');
    this.#known.add(found.sha1);
    const keys = rest.slice(0, Number(count)).map(String);
    return this.#run(found, keys, rest.slice(Number(count)));
  }

  #run(script: { readonly sha1: string }, keys: readonly string[], args: Arguments): unknown {
    const [first = '', second = ''] = keys;
    const [token = '', bytes = '', ms = '', , message = ''] = args;
    const held = this.#get(first);
    const isHeld = held?.toString('latin1', 0, TOKEN_LENGTH) === String(token);
    switch (script) {
      case GENERATION:
        if (!held) this.#set(first, token, Number(bytes));
        if (!held && ms === '1') this.#set(second, this.runId, Number(bytes));
        return held ?? Buffer.from(String(token));
      case CHECK:
        if (this.#get(second)?.toString() === this.runId) return 0;
        if (held?.toString() !== UNSETTLED) this.#kept.delete(first);
        this.#set(second, this.runId, Number(token));
        return 1;
      case SET:
        if (held?.toString() !== String(token)) return 0;
        this.#set(second, Buffer.concat([held, bytes as Buffer]), Number(ms));
        return 1;
      case TAGS: {
        const heads = keys.slice(1).map((key) => this.#get(key)?.subarray(0, TAG_LENGTH) ?? Buffer.alloc(TAG_LENGTH));
        return held && Buffer.concat([held, ...heads]);
      }
      case DELETE: {
        const found = this.#get(second)?.toString('latin1', 0, TOKEN_LENGTH);
        this.#kept.delete(second);
        return Number(held !== null && found === held.toString());
      }
      case DROP: {
        const now = Date.now();
        const ends = this.#ends.get(first) ?? new Map<string, number>();
        this.#ends.set(first, ends);
        for (let place = 0; place < args.length; place += 2)
          ends.set(String(args[place]), now + Number(args[place + 1]));
        const left = Math.max(0, ...ends.values()) - now;
        this.#kept.delete(first);
        if (left > 0) this.#set(first, UNSETTLED, left);
        return 1;
      }
      case ACQUIRE:
        if (held) return Buffer.from(`${held.toString()}:${Date.now()}`);
        this.#set(first, `${String(token)}${Date.now()}`, Number(bytes));
        return null;
      case RENEW:
        if (held && isHeld) this.#set(first, held, Number(bytes));
        return Number(isHeld);
      default:
        if (isHeld) this.#kept.delete(first);
        if (bytes.length > 0) for (const key of keys.slice(1)) this.#set(key, bytes, Number(ms));
        for (const listener of this.#listeners) listener(String(message));
        return 1;
    }
  }
}
