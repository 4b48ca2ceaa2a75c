-- Token bucket and leaking bucket, as streaming/ratelimit/bucket.py decides them.
-- Arguments: flow (grains a microsecond), grains per unit, size (units, grains), grains in a millionth of a unit.
-- Kept: "units:grains:at_us:grains_per_unit". Answer: allowed, remaining, retry_us, reset_us, at_us, and the level that
-- the request met (units, grains), from which the caller works out how long it queues.
local function decide(key, argv, at, now, cost_units, cost_micros, take)
  local flow, grain = tonumber(argv[at]), tonumber(argv[at + 1])
  local full_units, full_grains = tonumber(argv[at + 2]), tonumber(argv[at + 3])
  local cost_grains = cost_micros * tonumber(argv[at + 4])
  local units, grains, kept = 0, 0, call('GET', key)
  if kept then
    local a, b, c, d = match(kept, '(%d+):(%d+):(%d+):(%d+)')
    units, grains, c, d = tonumber(a), tonumber(b), tonumber(c), tonumber(d)
    if d ~= grain then
      local rest
      grains, rest = muldiv(grains, grain, d)
      if rest > 0 then units, grains = add(units, grains, 0, 1, grain) end
    end
    if now > c then
      if (now - c) * flow / grain > units + 2 then
        units, grains = 0, 0
      else
        local out_units, out_grains = muldiv(now - c, flow, grain)
        if larger(out_units, out_grains, units, grains) then
          units, grains = 0, 0
        else
          units, grains = less(units, grains, out_units, out_grains, grain)
        end
      end
    else
      now = c
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
  keep(key, format('%.0f:%.0f:%.0f:%.0f', after[1], after[2], after[3], after[4]), after[3], after[5])
end

-- What is still there of a request that met that level at `taken_us` flows out at once. Never more than that: what came
-- after it stays.
local function give_back(key, argv, at, now, cost_units, cost_micros, taken_us, met_units, met_grains)
  local _, after = decide(key, argv, at, now, 0, 0, false)
  local flow, grain, cost_grains = tonumber(argv[at]), tonumber(argv[at + 1]), cost_micros * tonumber(argv[at + 4])
  local units, grains = add(met_units, met_grains, cost_units, cost_grains, grain)
  local passed = after[3] - taken_us
  if passed > 0 then
    if passed * flow / grain > units + 2 then return end
    local out_units, out_grains = muldiv(passed, flow, grain)
    if larger(out_units, out_grains, units, grains) then return end
    units, grains = less(units, grains, out_units, out_grains, grain)
  end
  if larger(units, grains, cost_units, cost_grains) then units, grains = cost_units, cost_grains end
  if larger(units, grains, after[1], after[2]) then units, grains = after[1], after[2] end
  after[1], after[2] = less(after[1], after[2], units, grains, grain)
  local whole, rest = muldiv(after[1], grain, flow)
  after[5] = after[3] + whole + ceildiv(rest + after[2], flow)
  write(key, after)
end

return {decide = decide, write = write, give_back = give_back}
