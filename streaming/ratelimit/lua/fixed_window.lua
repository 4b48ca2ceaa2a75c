-- Fixed window, as streaming/ratelimit/fixed_window.py decides it.
-- Its numbers: ticks of a window, ticks in a microsecond, limit (units, millionths).
-- Kept: units, millionths, at_us, until_us. Answer: allowed, remaining, retry_us, reset_us, at_us.
local function decide(key, now, cost_units, cost_micros, take, ticks, per_us, full_units, full_micros)
  local units, micros, kept, was = 0, 0, call('GET', key), now
  local number, gone = muldiv(now, per_us, ticks)
  if kept then
    local until_us
    units, micros, was, until_us = unpack_numbers('<dddd', kept)
    if now < was then
      now = was
      number, gone = muldiv(now, per_us, ticks)
    end
    if now >= until_us or muldiv(was, per_us, ticks) ~= number then units, micros = 0, 0 end
  end
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
  keep(key, pack('<dddd', after[1], after[2], after[3], after[4]), after[3], after[4])
end
