-- What is still there of a request that met a level at `taken_us` flows out at once. Never more than that: what came
-- after it stays.
local function give_back(key, now, given, flow, grain, full_units, full_grains, cost_grain)
  local _, after = decide(key, now, 0, 0, false, flow, grain, full_units, full_grains, cost_grain)
  local cost_units, cost_grains = given.units, given.micros * cost_grain
  local units, grains = add(given.met_units, given.met_grains, cost_units, cost_grains, grain)
  local passed = after[3] - given.taken_us
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
