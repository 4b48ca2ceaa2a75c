local function give_back(key, now, given, ticks, per_us, full_units, full_micros)
  local _, after = decide(key, now, 0, 0, false, ticks, per_us, full_units, full_micros)
  if muldiv(after[3], per_us, ticks) ~= muldiv(given.taken_us, per_us, ticks) then return end
  if larger(given.units, given.micros, after[1], after[2]) then return end
  after[1], after[2] = less(after[1], after[2], given.units, given.micros, 1000000)
  if after[1] == 0 and after[2] == 0 then after[4] = after[3] end
  write(key, after)
end
