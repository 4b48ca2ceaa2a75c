-- Sliding window log, as streaming/ratelimit/sliding_window_log.py decides it.
-- Its numbers: window in microseconds, limit (units, millionths).
-- Kept: a list; first a header of units, millionths, base_us, last_us, at_us, until_us (what is in the list; the time that
-- the first entry counts from; the last entry's time; the highest clock; when all has passed), then an entry for each
-- admitted request, oldest first: microseconds since the one before, and ":units:millionths" unless it cost one unit.
-- Small numbers take 2 to 6 bytes.
-- Answer: allowed, remaining, retry_us, reset_us, at_us.
local CHUNK = 128

local function entry(text)
  local delta = tonumber(text)
  if delta then return delta, 1, 0 end
  local a, b, c = string.match(text, '(%d+):(%d+):(%d+)')
  return tonumber(a), tonumber(b), tonumber(c)
end

local function decide(key, now, cost_units, cost_micros, take, window, full_units, full_micros)
  local rows, passed, units, micros, base, last = call('LRANGE', key, 0, 2), 0, 0, 0, now, now
  local place, seen, length = 2, 1, #rows -- place in rows; entries and header that all rows so far had
  if length > 0 then
    local at, until_us
    units, micros, base, last, at, until_us = unpack_numbers('<dddddd', rows[1])
    if now < at then now = at end
    seen = length
    if now >= until_us then -- also where the window has changed since: a key does not remember for longer
      call('DEL', key)
      rows, units, micros, length = {}, 0, 0, 0
    end
  end
  local function next_entry()
    if place > #rows then
      if #rows == 0 then return nil end
      rows, place = call('LRANGE', key, seen, seen + CHUNK - 1), 1
      seen = seen + #rows
      if #rows == 0 then return nil end
    end
    place = place + 1
    return entry(rows[place - 1])
  end

  -- What has passed is forgotten.
  local delta, of_units, of_micros = next_entry()
  while delta and base + delta <= now - window do
    base, passed = base + delta, passed + 1
    units, micros = less(units, micros, of_units, of_micros, 1000000)
    delta, of_units, of_micros = next_entry()
  end
  local any, allowed, retry = delta ~= nil, 1, 0
  local after_units, after_micros = add(units, micros, cost_units, cost_micros, 1000000)
  if larger(after_units, after_micros, full_units, full_micros) then
    allowed = 0
    if larger(cost_units, cost_micros, full_units, full_micros) then
      retry = NEVER
    else -- once enough of the oldest have passed
      local over_units, over_micros = less(after_units, after_micros, full_units, full_micros, 1000000)
      local time = base + delta
      while larger(over_units, over_micros, of_units, of_micros) do
        over_units, over_micros = less(over_units, over_micros, of_units, of_micros, 1000000)
        delta, of_units, of_micros = next_entry()
        time = time + delta
      end
      retry = time + window - now
    end
  end
  local taken = allowed == 1 and take
  if taken then
    if not any then base, last = now, now end
    delta, last = now - last, now
    units, micros = after_units, after_micros
  end
  local reset, remaining = 0, 0
  if taken or any then reset = last + window - now end
  if larger(full_units, full_micros, units, micros) then
    remaining = less(full_units, full_micros, units, micros, 1000000)
  end
  return {allowed, remaining, retry, reset, now},
    {units, micros, base, last, now, reset, length > 0, passed, taken and delta, cost_units, cost_micros}
end

local function write(key, after)
  if after[6] <= 0 then
    call('DEL', key)
    return
  end
  local header = pack('<dddddd', after[1], after[2], after[3], after[4], after[5], after[5] + after[6])
  if not after[7] then
    call('RPUSH', key, header)
  elseif after[8] > 0 then
    call('LTRIM', key, after[8] + 1, -1)
    call('LPUSH', key, header)
  else
    call('LSET', key, 0, header)
  end
  if after[9] then
    local cost = ''
    if after[10] ~= 1 or after[11] ~= 0 then cost = format(':%d:%d', after[10], after[11]) end
    call('RPUSH', key, format('%d', after[9]) .. cost)
  end
  call('PEXPIREAT', key, format('%d', ceildiv(after[5] + after[6], 1000)))
end
