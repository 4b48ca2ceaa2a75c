local function give_back(key, now, given, ticks, per_us, full_units, full_micros)
  local _, after = decide(key, now, 0, 0, false, ticks, per_us, full_units, full_micros)
  local number, gone = muldiv(after[5], per_us, ticks)
  local since = number - muldiv(given.taken_us, per_us, ticks)
  local place = since == 0 and 3 or 1
  if since > 1 or larger(given.units, given.micros, after[place], after[place + 1]) then return end
  after[place], after[place + 1] = less(after[place], after[place + 1], given.units, given.micros, 1000000)
  after[6] = after[5]
  if after[3] > 0 or after[4] > 0 then
    after[6] = after[5] + ceildiv(2 * ticks - gone, per_us)
  elseif after[1] > 0 or after[2] > 0 then
    after[6] = after[5] + ceildiv(ticks - gone, per_us)
  end
  write(key, after)
end
