-- Sliding window counter, as streaming/ratelimit/sliding_window_counter.py decides it.
-- Its numbers: ticks of a window, ticks in a microsecond, limit (units, millionths).
-- Kept: units and millionths of the window before, those of this one, at_us, until_us.
-- Answer: allowed, remaining, retry_us, reset_us, at_us.

-- floor(amount * ticks / of), where it is below 2^53: of two amounts, the first at most the second.
local function share(units, micros, ticks, of_units, of_micros)
  if of_units < 4000000000 then
    return (muldiv(units * 1000000 + micros, ticks, of_units * 1000000 + of_micros))
  end
  if of_micros > 0 then of_units = of_units + 1 end -- a unit in four milliards more: never too soon
  return (muldiv(units, ticks, of_units))
end

-- amount * left / ticks, in whole millionths, rounded up.
local function weighted(units, micros, left, ticks)
  local whole, rest = muldiv(units, left, ticks)
  local parts, rest_1 = muldiv(rest, 1000000, ticks)
  local more, rest_2 = muldiv(micros, left, ticks)
  parts = parts + more + ceildiv(rest_1 + rest_2, ticks)
  local over = fmod(parts, 1000000)
  return whole + (parts - over) / 1000000, over
end

local function decide(key, now, cost_units, cost_micros, take, ticks, per_us, full_units, full_micros)
  local old_units, old_micros, units, micros, was, kept = 0, 0, 0, 0, now, call('GET', key)
  local until_us = now
  if kept then
    old_units, old_micros, units, micros, was, until_us = unpack_numbers('<dddddd', kept)
    if now < was then now = was end
  end
  local number, gone = muldiv(now, per_us, ticks)
  local before = number - muldiv(was, per_us, ticks)
  if before > 1 or now >= until_us then
    old_units, old_micros, units, micros = 0, 0, 0, 0
  elseif before == 1 then
    old_units, old_micros, units, micros = units, micros, 0, 0
  end
  local left, allowed, retry = ticks - gone, 1, 0
  local counted_units, counted_micros = weighted(old_units, old_micros, left, ticks)
  local after_units, after_micros = add(units, micros, cost_units, cost_micros, 1000000)
  local all_units, all_micros = add(after_units, after_micros, counted_units, counted_micros, 1000000)
  if larger(all_units, all_micros, full_units, full_micros) then
    allowed = 0
    if larger(cost_units, cost_micros, full_units, full_micros) then
      retry = NEVER
    elseif larger(after_units, after_micros, full_units, full_micros) then
      -- In the next window, once enough of this one has passed.
      local room_units, room_micros = less(full_units, full_micros, cost_units, cost_micros, 1000000)
      local in_view = ticks
      if larger(units, micros, room_units, room_micros) then
        in_view = share(room_units, room_micros, ticks, units, micros)
      end
      retry = ceildiv(left + ticks - in_view, per_us)
    else -- once enough of the previous window has passed
      local room_units, room_micros = less(full_units, full_micros, after_units, after_micros, 1000000)
      retry = ceildiv(left - share(room_units, room_micros, ticks, old_units, old_micros), per_us)
    end
  elseif take then
    units, micros = after_units, after_micros
  end
  local reset, remaining = 0, 0
  if units > 0 or micros > 0 then
    reset = ceildiv(left + ticks, per_us)
  elseif old_units > 0 or old_micros > 0 then
    reset = ceildiv(left, per_us)
  end
  all_units, all_micros = add(units, micros, counted_units, counted_micros, 1000000)
  if larger(full_units, full_micros, all_units, all_micros) then
    remaining = less(full_units, full_micros, all_units, all_micros, 1000000)
  end
  return {allowed, remaining, retry, reset, now}, {old_units, old_micros, units, micros, now, now + reset}
end

local function write(key, after)
  local text = pack('<dddddd', after[1], after[2], after[3], after[4], after[5], after[6])
  keep(key, text, after[5], after[6])
end
