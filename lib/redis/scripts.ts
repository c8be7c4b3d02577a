import { createHash } from 'node:crypto';

/** What Redis runs in one step. */
export interface Script {
  readonly source: string;
  /** Its name in Redis, once it has been run there. */
  readonly sha1: string;
}

/** Stands in place of a generation while a group is unsettled. */
export const UNSETTLED = '-';
/** The length of a token: 12 random bytes in base64url. A generation and the holder of a lock are tokens. */
export const TOKEN_LENGTH = 16;
/** The length of what an entry begins with: its generation, and a token of its own. */
export const HEAD_LENGTH = 2 * TOKEN_LENGTH;

function script(source: string): Script {
  return { source, sha1: createHash('sha1').update(source).digest('hex') };
}

/** The generation of a group, made if there is none. KEYS: generation. ARGV: new token, its lifetime. */
export const GENERATION = script(`
local generation = redis.call('GET', KEYS[1])
if generation then return generation end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]`);

/**
 * Keeps an entry under the generation at which it was read, if that is still the group's. KEYS: generation, entry. ARGV:
 * generation, entry, its lifetime.
 */
export const SET = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[1] .. ARGV[2], 'PX', ARGV[3])
return 1`);

/**
 * The generation of a group, and the heads of entries, one behind the other; what is no head for one that is not there.
 * KEYS: generation, entries.
 */
export const HEADS = script(`
local parts = { redis.call('GET', KEYS[1]) }
if not parts[1] then return false end
for place = 2, #KEYS do
  local head = redis.call('GETRANGE', KEYS[place], 0, ${HEAD_LENGTH - 1})
  parts[place] = #head == ${HEAD_LENGTH} and head or string.rep(' ', ${HEAD_LENGTH})
end
return table.concat(parts)`);

/** Drops an entry; 1 if there was one of the current generation. KEYS: generation, entry. */
export const DELETE = script(`
local generation = redis.call('GET', KEYS[1])
local found = redis.call('GETRANGE', KEYS[2], 0, ${TOKEN_LENGTH - 1})
redis.call('DEL', KEYS[2])
return (generation and found == generation) and 1 or 0`);

/**
 * Forgets the generation, so that the next to ask makes a new one, or keeps the group without one for a while. Deleting
 * comes first: it is allowed when memory is full, and allows what follows. KEYS: generation. ARGV: milliseconds.
 */
export const DROP = script(`
local left = tonumber(ARGV[1])
if redis.call('GET', KEYS[1]) == '${UNSETTLED}' then left = math.max(left, redis.call('PTTL', KEYS[1])) end
redis.call('DEL', KEYS[1])
if left > 0 then redis.call('SET', KEYS[1], '${UNSETTLED}', 'PX', left) end
return 1`);

/**
 * Takes the lock of a call, with the time, or tells who holds it since when, and the time now. KEYS: lock. ARGV: token,
 * lease.
 */
export const ACQUIRE = script(`
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local held = redis.call('GET', KEYS[1])
if held then return held .. ':' .. now end
redis.call('SET', KEYS[1], ARGV[1] .. now, 'PX', ARGV[2])
return false`);

/** Keeps the lock for another lease. KEYS: lock. ARGV: token, lease. */
export const RENEW = script(`
if redis.call('GETRANGE', KEYS[1], 0, ${TOKEN_LENGTH - 1}) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`);

/**
 * Gives the lock back, if it is still held, leaves the answer, if there is one, and tells those who wait. KEYS: lock,
 * answers. ARGV: token, answer, lifetime, channel, message.
 */
export const RELEASE = script(`
if redis.call('GETRANGE', KEYS[1], 0, ${TOKEN_LENGTH - 1}) == ARGV[1] then redis.call('DEL', KEYS[1]) end
if ARGV[2] ~= '' then
  for place = 2, #KEYS do redis.call('SET', KEYS[place], ARGV[2], 'PX', ARGV[3]) end
end
redis.call('PUBLISH', ARGV[4], ARGV[5])
return 1`);
