-- Token bucket and leaking bucket, as streaming/ratelimit/bucket.py decides them.
-- Its numbers: flow (grains a microsecond), grains per unit, size (units, grains), grains in a millionth of a unit.
-- Kept: units, grains, at_us, grains per unit, until_us (when it is empty). Answer: allowed, remaining, retry_us, reset_us, at_us, and the level that
-- the request met (units, grains), from which the caller works out how long it queues.
local function decide(
  key, now, cost_units, cost_micros, take, flow, grain, full_units, full_grains, cost_grain)
  local cost_grains = cost_micros * cost_grain
  local units, grains, kept = 0, 0, call('GET', key)
  if kept then
    local at, kept_grain, until_us
    units, grains, at, kept_grain, until_us = unpack_numbers('<ddddd', kept)
    if now < at then now = at end
    if now >= until_us then
      units, grains = 0, 0
    else
      if kept_grain ~= grain then
        local rest
        grains, rest = muldiv(grains, grain, kept_grain)
        if rest > 0 then units, grains = add(units, grains, 0, 1, grain) end
      end
      if (now - at) * flow / grain > units + 2 then
        units, grains = 0, 0
      else
        local out_units, out_grains = muldiv(now - at, flow, grain)
        if larger(out_units, out_grains, units, grains) then
          units, grains = 0, 0
        else
          units, grains = less(units, grains, out_units, out_grains, grain)
        end
      end
    end
  end
  local met_units, met_grains = units, grains
  local after_units, after_grains = add(units, grains, cost_units, cost_grains, grain)
  local allowed, retry = 1, 0
  if larger(after_units, after_grains, full_units, full_grains) then
    allowed = 0
    if larger(cost_units, cost_grains, full_units, full_grains) then
      retry = NEVER
    else
      local over_units, over_grains = less(after_units, after_grains, full_units, full_grains, grain)
      local whole, rest = muldiv(over_units, grain, flow)
      retry = whole + ceildiv(rest + over_grains, flow)
    end
  elseif take then
    units, grains = after_units, after_grains
  end
  local whole, rest = muldiv(units, grain, flow)
  local reset, remaining = whole + ceildiv(rest + grains, flow), 0
  if larger(full_units, full_grains, units, grains) then
    remaining = less(full_units, full_grains, units, grains, grain)
  end
  return {allowed, remaining, retry, reset, now, met_units, met_grains}, {units, grains, now, grain, now + reset}
end

local function write(key, after)
  keep(key, pack('<ddddd', after[1], after[2], after[3], after[4], after[5]), after[3], after[5])
end
