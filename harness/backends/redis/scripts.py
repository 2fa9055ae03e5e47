"""What must happen whole or not at all, as Lua scripts; each is sent with its text every time.

``EVALSHA`` would fail after each failover, since replicas do not have the scripts. Arguments come
in the order the first lines of a script name them.
"""

from __future__ import annotations

from typing import Any


def script(text: str, keys: list[str], *arguments: Any) -> tuple[Any, ...]:
    """The command that runs a script."""
    return ("EVAL", text, len(keys), *keys, *arguments)


CREATE = """
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('XGROUP', 'CREATE', KEYS[1], 'created', '$', 'MKSTREAM')
  redis.call('XGROUP', 'DESTROY', KEYS[1], 'created')
end
return 1
"""
"""An empty stream: publishing to one that nobody has created must be an error, not its creation."""

PUBLISH_ONCE = """
local window = ARGV[1]
local known = redis.call('GET', KEYS[2])
if known then return {known, 1} end
local id = redis.call('XADD', KEYS[1], 'NOMKSTREAM', '*', unpack(ARGV, 2))
if not id then return false end
redis.call('SET', KEYS[2], id, 'PX', window)
return {id, 0}
"""

_BURY = """
local function bury(id, group, reason)
  local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
  if redis.call('XACK', KEYS[1], group, id) == 0 then return 0 end
  if KEYS[2] and entry then
    local fields = entry[2]
    local origin = {'dead:reason', reason, 'dead:stream', KEYS[1], 'dead:group', group, 'dead:id', id}
    for _, word in ipairs(origin) do
      fields[#fields + 1] = word
    end
    redis.call('XADD', KEYS[2], '*', unpack(fields))
  end
  return 1
end
"""

SWEEP = (
    _BURY
    + """
local group, member, lease, limit = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local max_deliver, in_flight, read_new = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7] == '1'
local taken = {}
for _, due in ipairs(redis.call('XPENDING', KEYS[1], group, 'IDLE', lease, '-', '+', limit)) do
  local id, count = due[1], due[4]
  if max_deliver > 0 and count >= max_deliver then
    bury(id, group, 'max-deliver')
  else
    local entry = redis.call('XCLAIM', KEYS[1], group, member, lease, id)[1]
    if entry then taken[#taken + 1] = {id, entry[2], count + 1} end
  end
end
local room = in_flight - redis.call('XPENDING', KEYS[1], group)[1]
local more = math.min(limit - #taken, room)
if read_new and more > 0 then
  local new = redis.call('XREADGROUP', 'GROUP', group, member, 'COUNT', more, 'STREAMS', KEYS[1], '>')
  for _, entry in ipairs(new and new[1][2] or {}) do
    taken[#taken + 1] = {entry[1], entry[2], 1}
    room = room - 1
  end
end
return {taken, room}
"""
)
"""Claim what has been idle for a lease, dead-letter what has had its deliveries, tell the room left.

``XPENDING`` with ``XCLAIM`` rather than ``XAUTOCLAIM``: it tells the counts before they change.
"""

REJECT = (
    _BURY
    + """
local group, id = ARGV[1], ARGV[2]
return bury(id, group, 'rejected')
"""
)

SET_IDLE = """
local group, member, id, attempt, idle = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local pending = redis.call('XPENDING', KEYS[1], group, id, id, 1)[1]
if not pending or pending[2] ~= member or pending[4] ~= attempt then return 0 end
redis.call('XCLAIM', KEYS[1], group, member, 0, id, 'IDLE', idle, 'JUSTID')
return 1
"""
"""Move a delivery's lease; only its owner's, and only of that delivery: a late nak takes nothing away."""

ACK_ALL = """
local group, id = ARGV[1], ARGV[2]
local settled = 0
while true do
  local pending = redis.call('XPENDING', KEYS[1], group, '-', id, 1000)
  if #pending == 0 then return settled end
  for _, entry in ipairs(pending) do settled = settled + redis.call('XACK', KEYS[1], group, entry[1]) end
end
"""

LEAVE = """
local group, member = ARGV[1], ARGV[2]
if #redis.call('XPENDING', KEYS[1], group, '-', '+', 1, member) == 0 then
  redis.call('XGROUP', 'DELCONSUMER', KEYS[1], group, member)
end
return 1
"""
"""Forget a member, unless it has pending entries: those would be lost to the group with it."""

BACKLOG = """
local name = ARGV[1]
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = {}
  for i = 1, #flat, 2 do group[flat[i]] = flat[i + 1] end
  if group['name'] == name then
    local delivered, lag = group['last-delivered-id'], 0
    local cursor = delivered
    while true do
      local page = redis.call('XRANGE', KEYS[1], '(' .. cursor, '+', 'COUNT', 1000)
      if #page == 0 then break end
      lag = lag + #page
      cursor = page[#page][1]
    end
    local pending = redis.call('XPENDING', KEYS[1], name)
    local settled = delivered
    if pending[1] > 0 then
      local before = redis.call('XREVRANGE', KEYS[1], '(' .. pending[2], '-', 'COUNT', 1)
      settled = before[1] and before[1][1] or '0-0'
    end
    return {lag, pending[1], settled}
  end
end
return redis.error_reply('NOGROUP No such consumer group ' .. name)
"""
"""Counted, not asked: ``XINFO``'s own lag is nil after a deletion, and wrong after some trims."""
