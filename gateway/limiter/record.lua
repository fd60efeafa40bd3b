-- Adds what was admitted while this server was away. KEYS: one hash, as in acquire.lua. ARGV: now (microseconds, -1:
-- this server's clock), window length (microseconds), then age (microseconds) and count of each group, oldest first.
if redis.replicate_commands then redis.replicate_commands() end

local key, now, length = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
if now < 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local h = redis.call('HMGET', key, 'h', 't', 'n', 'l')
local head, tail, total, last = tonumber(h[1] or 0), tonumber(h[2] or 0), tonumber(h[3] or 0), tonumber(h[4] or 0)
for i = 3, #ARGV, 2 do
  -- Groups stay in order of time; one that comes late leaves late.
  last = math.max(last, now - tonumber(ARGV[i]))
  redis.call('HSET', key, tail, string.format('%.0f:%.0f:%d', last, last, ARGV[i + 1]))
  tail = tail + 1
  total = total + tonumber(ARGV[i + 1])
end
redis.call('HSET', key, 'h', head, 't', tail, 'n', total, 'l', string.format('%.0f', last))
redis.call('PEXPIRE', key, math.ceil(length / 1000) + 1000)
return total
