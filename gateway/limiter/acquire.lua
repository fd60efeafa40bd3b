-- Takes one request out of every window, or out of none.
-- KEYS: one hash a window. ARGV: now (microseconds, -1: this server's clock), window length (microseconds), exact
-- admissions, group length (microseconds), 1 to take or 0 to look, then one limit for each window (-1: no limit).
-- Gives 1 or 0 (taken), now, and for each window: count, microseconds until a request fits, microseconds until the
-- window is empty, number of the group.
-- A window's hash: h, t (groups are numbered h to t-1), n (count), l (last admission), and "first:last:count" a group.
if redis.replicate_commands then redis.replicate_commands() end

local now, length = tonumber(ARGV[1]), tonumber(ARGV[2])
local exact, width, take = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5] == '1'
if now < 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end

local function read_group(key, number)
  local text = redis.call('HGET', key, number)
  local first, last, count = string.match(text, '^(%d+):(%d+):(%d+)$')
  return tonumber(first), tonumber(last), tonumber(count)
end

local function open(key, limit)
  local h = redis.call('HMGET', key, 'h', 't', 'n', 'l')
  local w = {key = key, limit = limit, head = tonumber(h[1] or 0), tail = tonumber(h[2] or 0),
             count = tonumber(h[3] or 0), last = tonumber(h[4] or 0)}
  w.was = w.head
  -- A server clock that went back by more than the window would close it for good.
  if w.last > now + length then
    redis.call('DEL', key)
    w.was, w.head, w.count, w.last = w.tail, w.tail, 0, 0
  end
  w.now = math.max(now, w.last)
  while w.head < w.tail do
    local _, last, count = read_group(key, w.head)
    if last > w.now - length then break end
    redis.call('HDEL', key, w.head)
    w.count = w.count - count
    w.head = w.head + 1
  end
  return w
end

local function wait(w)
  if w.limit < 0 or w.count < w.limit then return 0 end
  local too_many = w.count - w.limit + 1
  for number = w.head, w.tail - 1 do
    local _, last, count = read_group(w.key, number)
    too_many = too_many - count
    if too_many <= 0 then return last + length - w.now end
  end
  return length
end

local function add(w)
  local first, number, count = w.now, w.tail, 1
  if w.tail - w.head >= exact then
    local tail_first, _, tail_count = read_group(w.key, w.tail - 1)
    if w.now - tail_first < width then
      first, number, count = tail_first, w.tail - 1, tail_count + 1
    end
  end
  w.number, w.tail, w.count, w.last = number, number + 1, w.count + 1, w.now
  redis.call('HSET', w.key, 'h', w.head, 't', w.tail, 'n', w.count, 'l', string.format('%.0f', w.now),
             number, string.format('%.0f:%.0f:%d', first, w.now, count))
  redis.call('PEXPIRE', w.key, math.ceil(length / 1000) + 1000)
end

local windows, waits, fits = {}, {}, true
for i, key in ipairs(KEYS) do
  windows[i] = open(key, tonumber(ARGV[5 + i]))
  waits[i] = wait(windows[i])
  fits = fits and waits[i] == 0
end

local answer = {fits and take and 1 or 0, now}
for i, w in ipairs(windows) do
  if fits and take then
    add(w)
  elseif w.head ~= w.was then
    redis.call('HSET', w.key, 'h', w.head, 'n', w.count)
  end
  local full_after = w.count > 0 and w.last + length - w.now or 0
  for _, value in ipairs({w.count, waits[i], full_after, w.number or -1}) do table.insert(answer, value) end
end
return answer
