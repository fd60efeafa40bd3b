-- Takes one admission back. KEYS: one hash a window, as in acquire.lua. ARGV: the time of the admission (microseconds),
-- then the number of the group for each window. Gives how many windows had it still.
local at, found = tonumber(ARGV[1]), 0

local function read_group(key, number)
  local text = redis.call('HGET', key, number)
  if not text then return nil end
  local first, last, count = string.match(text, '^(%d+):(%d+):(%d+)$')
  return tonumber(first), tonumber(last), tonumber(count)
end

for i, key in ipairs(KEYS) do
  local number = tonumber(ARGV[1 + i])
  local first, last, count = read_group(key, number)
  if first and first <= at and at <= last and count > 0 then
    found = found + 1
    redis.call('HSET', key, number, string.format('%.0f:%.0f:%d', first, last, count - 1))
    redis.call('HINCRBY', key, 'n', -1)
    local head, tail = tonumber(redis.call('HGET', key, 'h')), tonumber(redis.call('HGET', key, 't'))
    while tail > head do
      local _, tail_last, tail_count = read_group(key, tail - 1)
      if tail_count > 0 then
        redis.call('HSET', key, 'l', string.format('%.0f', tail_last))
        break
      end
      tail = tail - 1
      redis.call('HDEL', key, tail)
    end
    redis.call('HSET', key, 't', tail)
  end
end
return found
