"""The Lua that runs on the server: few scripts, each with one purpose, none with anybody's text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha1
from typing import Final


@dataclass(frozen=True)
class Script:
    """A script, called by its digest (``EVALSHA``) and sent in full when that is not known."""

    text: str

    @cached_property
    def digest(self) -> str:
        """What Redis calls it."""
        return sha1(self.text.encode(), usedforsecurity=False).hexdigest()


ROWS: Final = Script("""
-- Rows in the order of an index, all of one moment.
-- KEYS: the index; a hash of rows, or what the names of all users' hashes begin with
-- ARGV: 'up' or 'down'; how many (-1: all); bytes before the value that equals share (-1: equals
--       need not be complete); 'mine' or 'all'; parts of the key; the only owner ('': any);
--       then from, to, from, to ... as ZRANGEBYLEX has them, rising
-- answers where to go on (false: nothing is left), and the rows
local index, rows = KEYS[1], KEYS[2]
local down, all = ARGV[1] == 'down', ARGV[4] == 'all'
local most, lead = tonumber(ARGV[2]), tonumber(ARGV[3])
local function range(low, high, limit)
    local command = 'ZRANGEBYLEX'
    if down then command, low, high = 'ZREVRANGEBYLEX', high, low end
    if limit < 0 then return redis.call(command, index, low, high) end
    return redis.call(command, index, low, high, 'LIMIT', 0, limit)
end
local part = '[^%z]*'
local key = '(' .. part .. string.rep('%z' .. part, tonumber(ARGV[5]) - 1) .. ')'
if all then key = key .. '%z(' .. part .. ')' end
local alone, behind = '^' .. key .. '$', '^.*%z' .. key .. '$'
local answer = {false}
local function add(members)
    for _, member in ipairs(members) do
        local id, owner = string.match(member, alone)
        if not id then id, owner = string.match(member, behind) end
        if not all or ARGV[6] == '' or ARGV[6] == owner then
            local row = redis.call('HGET', rows .. (owner or ''), id)
            if row then answer[#answer + 1] = row end
        end
    end
    return members[#members]
end
for n = 7, #ARGV, 2 do
    local found = range(ARGV[n], ARGV[n + 1], most)
    local last = add(found)
    if most > 0 and #found == most then
        if lead >= 0 then
            -- those with the last one's value have to be there, all of them, to be put in order
            local stop = string.find(last, '%z', lead + 1)
            local value = string.sub(last, 1, stop - 1)
            if down then found = range('[' .. value .. '\\0', '(' .. last, -1)
            else found = range('(' .. last, '(' .. value .. '\\1', -1) end
            last = add(found) or last
        end
        answer[1] = last
    end
end
return answer
""")

POSTINGS: Final = Script("""
-- For each term the messages that hold it, the newest first, in one piece: a client takes longer to
-- read ten thousand answers than the server to join them.
-- KEYS: the words of a user; ARGV: how many at most, then the terms
local answer = {}
for n = 2, #ARGV do
    local term = ARGV[n]
    local found = redis.call('ZREVRANGEBYLEX', KEYS[1], '(' .. term .. '\\1',
        '[' .. term .. '\\0', 'LIMIT', 0, ARGV[1])
    for i, member in ipairs(found) do found[i] = string.sub(member, #term + 2) end
    answer[#answer + 1] = table.concat(found, '\\0')
end
return answer
""")

RELEASE: Final = Script("""
-- Give up a lease, if it is still ours. KEYS: the lease; ARGV: its token
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
""")

RENEW: Final = Script("""
-- Lengthen a lease, if it is still ours. KEYS: the lease; ARGV: its token, milliseconds
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
""")

KEEP: Final = Script("""
-- Keep values of a namespace: a hash whose fields begin with when they end, on this server's clock.
-- KEYS: the namespace; ARGV: milliseconds to live, then field, value, field, value ...
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local ttl = tonumber(ARGV[1])
local ends = string.format('%014.0f', now + ttl)
for n = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[n], ends .. ARGV[n + 1]) end
-- What has ended is found by chance, a few for every value that comes: it never piles up.
local few = redis.call('HRANDFIELD', KEYS[1], math.min(100, #ARGV + 1))
for _, name in ipairs(few) do
    local value = redis.call('HGET', KEYS[1], name)
    local til = value and tonumber(string.sub(value, 1, 14))
    if value and (not til or til <= now) then redis.call('HDEL', KEYS[1], name) end
end
if redis.call('PTTL', KEYS[1]) < ttl then redis.call('PEXPIRE', KEYS[1], ttl) end
return 1
""")
