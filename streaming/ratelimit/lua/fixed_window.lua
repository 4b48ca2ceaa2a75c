-- Fixed window, as streaming/ratelimit/fixed_window.py decides it.
-- Arguments: ticks of a window, ticks in a microsecond, limit (units, millionths).
-- Kept: "units:millionths:at_us". Answer: allowed, remaining, retry_us, reset_us, at_us.
local function decide(key, argv, at, now, cost_units, cost_micros, take)
  local ticks, per_us = tonumber(argv[at]), tonumber(argv[at + 1])
  local full_units, full_micros = tonumber(argv[at + 2]), tonumber(argv[at + 3])
  local units, micros, kept, was = 0, 0, call('GET', key), now
  if kept then
    local a, b, c = match(kept, '(%d+):(%d+):(%d+)')
    units, micros, was = tonumber(a), tonumber(b), tonumber(c)
    if now < was then now = was end
  end
  local number, gone = muldiv(now, per_us, ticks)
  if kept and muldiv(was, per_us, ticks) ~= number then units, micros = 0, 0 end
  local left, allowed, retry = ceildiv(ticks - gone, per_us), 1, 0
  local after_units, after_micros = add(units, micros, cost_units, cost_micros, 1000000)
  if larger(after_units, after_micros, full_units, full_micros) then
    allowed, retry = 0, left
    if larger(cost_units, cost_micros, full_units, full_micros) then retry = NEVER end
  elseif take then
    units, micros = after_units, after_micros
  end
  local reset, remaining = 0, 0
  if units > 0 or micros > 0 then reset = left end
  if larger(full_units, full_micros, units, micros) then
    remaining = less(full_units, full_micros, units, micros, 1000000)
  end
  return {allowed, remaining, retry, reset, now}, {units, micros, now, now + reset}
end

local function write(key, after)
  keep(key, format('%.0f:%.0f:%.0f', after[1], after[2], after[3]), after[3], after[4])
end

local function give_back(key, argv, at, now, cost_units, cost_micros, taken_us)
  local ticks, per_us = tonumber(argv[at]), tonumber(argv[at + 1])
  local _, after = decide(key, argv, at, now, 0, 0, false)
  if muldiv(after[3], per_us, ticks) ~= muldiv(taken_us, per_us, ticks) then return end
  if larger(cost_units, cost_micros, after[1], after[2]) then return end
  after[1], after[2] = less(after[1], after[2], cost_units, cost_micros, 1000000)
  if after[1] == 0 and after[2] == 0 then after[4] = after[3] end
  write(key, after)
end

return {decide = decide, write = write, give_back = give_back}
