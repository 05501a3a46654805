"""The scripts of the Redis store. They compare, write and index, and decide nothing.

All names begin with the one key that each is given, whose hash tag puts them into one slot:

``:record:ID`` and ``:body:ID``
    The record as JSON after a mark of its last change, and the encrypted body in Base64 while
    there is one.
``:all`` and ``:state:STATE``
    Sorted sets of IDs by the number of each email, which grows.
``:queue``
    What is to be claimed: a sorted set by priority, whose members begin with the number.
``:due``, ``:stale`` and ``:ended``
    Sorted sets of IDs by time: of a deadline or lease, of the next publishing, and of the end.
``:to``
    The queued emails of each recipient and usage, in the order of bytes.
``:idem``
    The ID of each idempotency key.
"""

from __future__ import annotations

from typing import Final

_COMMON: Final = """
local function key(name) return KEYS[1] .. ':' .. name end

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The mark has eight characters.
local function parsed(text) return cjson.decode(string.sub(text, 9)) end

-- Where a record is to be found: the score and the member in each sorted set.
local function places(record, number)
  local found = {['state:' .. record.state] = {number, record.id}}
  if record.state == 'queued' then
    found.queue = {record.priority, string.format('%016.0f', number) .. record.id}
    found.due = {record.deadline, record.id}
    found.stale = {record.publish_at or 0, record.id}
    found.to = {0, record.recipient .. '\\0' .. record.usage .. '\\0' .. record.id}
  elseif record.state == 'sending' then
    found.due = {record.lease_until, record.id}
  else
    found.ended = {record.finished_at, record.id}
  end
  return found
end

-- Nothing where it is damaged.
local function parsed_if_whole(text)
  local ok, record = pcall(parsed, text)
  return ok and type(record) == 'table' and record or {}
end

local function move(before, after)
  for name, place in pairs(before) do
    if not after[name] then redis.call('ZREM', key(name), place[2]) end
  end
  for name, place in pairs(after) do
    redis.call('ZADD', key(name), string.format('%.0f', place[1]), place[2])
  end
end

-- '' deletes the body, and '=' keeps it.
local function write(ticket, old, new, body)
  local number = tonumber(redis.call('ZSCORE', key('all'), ticket))
  move(places(parsed(old), number), places(parsed(new), number))
  redis.call('SET', key('record:' .. ticket), new)
  if body == '' then
    redis.call('DEL', key('body:' .. ticket))
  elseif body ~= '=' then
    redis.call('SET', key('body:' .. ticket), body)
  end
end
"""

PUT: Final = (
    _COMMON
    + """
local ticket, text, body, from, upto = unpack(ARGV, 1, 5)
local record = parsed(text)
local name = key('record:' .. ticket)
-- The caller asks again whose first reply was lost.
if redis.call('EXISTS', name) == 1 then return {'put'} end
if record.idem ~= cjson.null then
  local other = redis.call('HGET', key('idem'), record.idem)
  local known = other and redis.call('GET', key('record:' .. other))
  if known then return {'known', other, known} end
end

-- What becomes of older emails was decided of these texts alone.
local decided, olders, all_decided = {}, {}, true
for i = 6, #ARGV, 2 do decided[ARGV[i]] = ARGV[i + 1] end
if from ~= '' then
  for _, member in ipairs(redis.call('ZRANGEBYLEX', key('to'), '[' .. from, '(' .. upto)) do
    local other = string.match(member, '%z([^%z]*)$')
    local older = redis.call('GET', key('record:' .. other))
    if older then
      olders[#olders + 1] = other
      olders[#olders + 1] = older
      all_decided = all_decided and decided[older]
    end
  end
end
if not all_decided then return {'older', now(), olders} end
for i = 1, #olders, 2 do
  local other, older = olders[i], olders[i + 1]
  if decided[older] ~= older then write(other, older, decided[older], '') end
end

local number = redis.call('INCR', key('number'))
redis.call('ZADD', key('all'), number, ticket)
move({}, places(record, number))
redis.call('SET', name, text)
redis.call('SET', key('body:' .. ticket), body)
if record.idem ~= cjson.null then redis.call('HSET', key('idem'), record.idem, ticket) end
return {'put'}
"""
)
"""Add a record; reply with the known record of its key, or with older ones to decide of first."""

READ: Final = (
    _COMMON
    + """
local reply = {now()}
for _, ticket in ipairs(ARGV) do
  reply[#reply + 1] = redis.call('GET', key('record:' .. ticket))
  reply[#reply + 1] = redis.call('GET', key('body:' .. ticket))
end
return reply
"""
)
"""Reply with the time, and with records and their bodies."""

CHANGE: Final = (
    _COMMON
    + """
local done = {}
for i = 1, #ARGV, 4 do
  local ticket, old, new, body = unpack(ARGV, i, i + 3)
  local found = redis.call('GET', key('record:' .. ticket))
  if found == old then write(ticket, old, new, body) end
  -- The new one, if the caller asks again whose first reply was lost.
  done[#done + 1] = (found == old or found == new) and 1 or 0
end
return done
"""
)
"""Replace each record that is still what was decided of; reply whether it is."""

LOOK: Final = (
    _COMMON
    + """
local limit, spread, chosen, most = unpack(ARGV)
local queue, time = key('queue'), now()
local reply, passed, gone = {}, 0, 0
repeat
  reply, gone = {time}, 0
  local first = redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')
  if not first[1] then break end
  local from = 0
  if spread ~= '1' then
    from = chosen % math.min(spread, redis.call('ZCOUNT', queue, first[2], first[2]))
  end
  for _, member in ipairs(redis.call('ZRANGE', queue, from, from + limit - 1)) do
    local ticket = string.sub(member, 17)
    local deadline = redis.call('ZSCORE', key('due'), ticket)
    local overdue = deadline and tonumber(deadline) <= time
    local text = not overdue and redis.call('GET', key('record:' .. ticket))
    if text then
      reply[#reply + 1] = ticket
      reply[#reply + 1] = text
      reply[#reply + 1] = redis.call('GET', key('body:' .. ticket)) or ''
    else
      -- A sweeper ends what is overdue. Otherwise the server has evicted it.
      redis.call('ZREM', queue, member)
      gone = gone + 1
    end
  end
  passed = passed + gone
until gone == 0 or passed >= tonumber(most)
table.insert(reply, 2, passed)
return reply
"""
)
"""Reply with the time, how many emails left the queue since they cannot be sent, and with IDs,
records and bodies of the first that can."""

ASIDE: Final = (
    _COMMON
    + """
local done = {}
for i = 1, #ARGV, 2 do
  local ticket, text = ARGV[i], ARGV[i + 1]
  local number = tonumber(redis.call('ZSCORE', key('all'), ticket))
  if number and redis.call('GET', key('record:' .. ticket)) == text then
    local record = parsed_if_whole(text)
    if type(record.recipient) == 'string' and type(record.usage) == 'string' then
      local to = record.recipient .. '\\0' .. record.usage .. '\\0' .. ticket
      redis.call('ZREM', key('to'), to)
    end
    redis.call('ZREM', key('queue'), string.format('%016.0f', number) .. ticket)
    for _, name in ipairs({'due', 'stale', 'state:queued', 'state:sending'}) do
      redis.call('ZREM', key(name), ticket)
    end
    -- The caller asks again whose first reply was lost.
    if redis.call('ZADD', key('state:unreadable'), number, ticket) == 1 then
      redis.call('ZADD', key('ended'), string.format('%.0f', now()), ticket)
    end
    done[#done + 1] = ticket
  end
end
return done
"""
)
"""Set emails aside whose records cannot be read; reply with the IDs of those that are."""

_OF_IDS: Final = """
local function texts(tickets, name)
  local found = {}
  for _, ticket in ipairs(tickets) do
    local text = redis.call('GET', key('record:' .. ticket))
    if text then
      found[#found + 1] = ticket
      found[#found + 1] = text
    elseif name then redis.call('ZREM', key(name), ticket) end
  end
  return found
end
"""

TIMELY: Final = (
    _COMMON
    + _OF_IDS
    + """
local name, limit = unpack(ARGV)
return texts(redis.call('ZRANGEBYSCORE', key(name), '-inf', now(), 'LIMIT', 0, limit), name)
"""
)
"""Reply with IDs and records whose time in a sorted set has come, the earliest first."""

LIST: Final = (
    _COMMON
    + _OF_IDS
    + """
local name, before, number, limit = unpack(ARGV)
if before ~= '' then number = redis.call('ZSCORE', key('all'), before) end
if not number then return {'', {}} end
local below = number == '' and '+inf' or '(' .. number
local tickets = redis.call('ZREVRANGEBYSCORE', key(name), below, '-inf', 'LIMIT', 0, limit)
local last = tickets[tonumber(limit)]
return {last and redis.call('ZSCORE', key('all'), last) or '', texts(tickets)}
"""
)
"""Reply with the number at which the next page begins, and IDs and records, the newest first."""

COUNTS: Final = (
    _COMMON
    + """
local counts = {}
for i, state in ipairs(ARGV) do counts[i] = redis.call('ZCARD', key('state:' .. state)) end
return counts
"""
)
"""Reply with how many records each state has."""

PURGE: Final = (
    _COMMON
    + """
local age, limit, state, from = unpack(ARGV)
local before = now() - age
local tickets = redis.call('ZRANGEBYSCORE', key('ended'), '-inf', before, 'LIMIT', from, limit)
local deleted = 0
for _, ticket in ipairs(tickets) do
  local text = redis.call('GET', key('record:' .. ticket))
  local record = text and parsed_if_whole(text) or {}
  local aside = redis.call('ZSCORE', key('state:unreadable'), ticket)
  local found = aside and 'unreadable' or record.state
  if state == '' or state == found then
    redis.call('ZREM', key('state:unreadable'), ticket)
    if type(record.state) == 'string' then
      redis.call('ZREM', key('state:' .. record.state), ticket)
    end
    if type(record.idem) == 'string' then redis.call('HDEL', key('idem'), record.idem) end
    redis.call('ZREM', key('ended'), ticket)
    redis.call('ZREM', key('all'), ticket)
    redis.call('DEL', key('record:' .. ticket), key('body:' .. ticket))
    deleted = deleted + 1
  end
end
return {deleted, #tickets}
"""
)
"""Delete old records in a final state; reply with how many, and how many were looked at."""

LEAD: Final = (
    _COMMON
    + """
local owner, lease = unpack(ARGV)
local found = redis.call('HMGET', key('leader'), 'owner', 'until')
if found[1] and found[1] ~= owner and now() < tonumber(found[2]) then return 0 end
redis.call('HSET', key('leader'), 'owner', owner, 'until', string.format('%.0f', now() + lease))
return 1
"""
)
"""Reply whether a worker sweeps now."""

TIME: Final = _COMMON + "return now()"
"""Reply with the time."""

FORM: Final = (
    _COMMON
    + """
redis.call('SETNX', key('form'), ARGV[1])
return tonumber(redis.call('GET', key('form')))
"""
)
"""Reply with the form of what is stored."""
