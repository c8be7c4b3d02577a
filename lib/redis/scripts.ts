import { createHash } from 'node:crypto';

/** A Lua script, which Redis runs atomically. */
export interface Script {
  readonly source: string;
  /** Its name for `EVALSHA`. */
  readonly sha1: string;
}

/** The value in place of a generation while a group is unsettled. */
export const UNSETTLED = '-';
/** The length of a token, 12 random bytes in base64url. Generations and holders of locks are tokens. */
export const TOKEN_LENGTH = 16;
/** The length of the tag at the beginning of an entry: its generation and a token of its own. */
export const TAG_LENGTH = 2 * TOKEN_LENGTH;

function script(source: string): Script {
  return { source, sha1: createHash('sha1').update(source).digest('hex') };
}

/** The id of the process that runs a script: in a cluster, of the node that has its keys. */
const RUN_ID = `
local info = redis.pcall('INFO', 'server')
local process = type(info) == 'string' and string.match(info, 'run_id:(%w+)')`;

/**
 * Returns the generation of a group, created if there is none. KEYS: generation, process. ARGV: new token, lifetime, whether it
 * is a cluster (1 or 0).
 */
export const GENERATION = script(`
local generation = redis.call('GET', KEYS[1])
if generation then return generation end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if ARGV[3] == '1' then ${RUN_ID}
  if process then redis.call('SET', KEYS[2], process, 'PX', ARGV[2]) end
end
return ARGV[1]`);

/**
 * Removes the generation of a group if another process than before has it, which may have old data. KEYS: generation, process.
 * ARGV: lifetime.
 */
export const CHECK = script(`${RUN_ID}
if process and redis.call('GET', KEYS[2]) == process then return 0 end
if redis.call('GET', KEYS[1]) ~= '${UNSETTLED}' then redis.call('DEL', KEYS[1]) end
if process then redis.call('SET', KEYS[2], process, 'PX', ARGV[1]) end
return 1`);

/** Stores an entry, if its generation is the group's. KEYS: generation, entry. ARGV: generation, entry, lifetime. */
export const SET = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[1] .. ARGV[2], 'PX', ARGV[3])
return 1`);

/** Returns a group's generation, then the tags of entries, with blanks for missing ones. KEYS: generation, entries. */
export const TAGS = script(`
local parts = { redis.call('GET', KEYS[1]) }
if not parts[1] then return false end
for place = 2, #KEYS do
  local tag = redis.call('GETRANGE', KEYS[place], 0, ${TAG_LENGTH - 1})
  parts[place] = #tag == ${TAG_LENGTH} and tag or string.rep(' ', ${TAG_LENGTH})
end
return table.concat(parts)`);

/** Removes an entry; 1 if it had the current generation. KEYS: generation, entry. */
export const DELETE = script(`
local generation = redis.call('GET', KEYS[1])
local found = redis.call('GETRANGE', KEYS[2], 0, ${TOKEN_LENGTH - 1})
redis.call('DEL', KEYS[2])
return (generation and found == generation) and 1 or 0`);

/**
 * Removes the generation of a group, so that the next request creates a new one, or keeps the group without one while writes may
 * take effect. DEL comes first: it is allowed when memory is full, when Redis may also have evicted the ends alone. KEYS: generation, the ends of the writes. ARGV: for each write
 * its name and the milliseconds until its end.
 */
export const DROP = script(`
local left = redis.call('GET', KEYS[1]) == '${UNSETTLED}' and redis.call('PTTL', KEYS[1]) or 0
redis.call('DEL', KEYS[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if left > 0 and redis.call('EXISTS', KEYS[2]) == 0 then redis.call('ZADD', KEYS[2], now + left, '') end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
for place = 1, #ARGV, 2 do
  local left = tonumber(ARGV[place + 1])
  if left > 0 then redis.call('ZADD', KEYS[2], now + left, ARGV[place])
  else redis.call('ZREM', KEYS[2], ARGV[place]) end
end
local last = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
if not last then return 1 end
redis.call('PEXPIREAT', KEYS[2], last)
redis.call('SET', KEYS[1], '${UNSETTLED}', 'PX', last - now)
return 1`);

/**
 * Acquires the lock of a call, or returns its holder with the time of acquisition, and the current time. KEYS: lock. ARGV:
 * token, lease.
 */
export const ACQUIRE = script(`
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local held = redis.call('GET', KEYS[1])
if held then return held .. ':' .. now end
redis.call('SET', KEYS[1], ARGV[1] .. now, 'PX', ARGV[2])
return false`);

/** Renews the lease of a lock. KEYS: lock. ARGV: token, lease. */
export const RENEW = script(`
if redis.call('GETRANGE', KEYS[1], 0, ${TOKEN_LENGTH - 1}) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`);

/**
 * Releases a lock if it is still held, stores the answer if there is one, and notifies the waiting instances. KEYS: lock,
 * answers. ARGV: token, answer, lifetime, channel, message.
 */
export const RELEASE = script(`
if redis.call('GETRANGE', KEYS[1], 0, ${TOKEN_LENGTH - 1}) == ARGV[1] then redis.call('DEL', KEYS[1]) end
if ARGV[2] ~= '' then
  for place = 2, #KEYS do redis.call('SET', KEYS[place], ARGV[2], 'PX', ARGV[3]) end
end
redis.call('PUBLISH', ARGV[4], ARGV[5])
return 1`);
