-- The entry itself goes; what came after it counts from the one before.
local function give_back(key, now, given, window, full_units, full_micros)
  local _, after = decide(key, now, 0, 0, false, window, full_units, full_micros)
  write(key, after)
  if after[6] <= 0 then return end
  local time, later = after[4], nil
  for place = call('LLEN', key) - 1, 1, -1 do
    local text = call('LINDEX', key, place)
    local delta, units, micros = entry(text)
    if time == given.taken_us and units == given.units and micros == given.micros then
      if later then
        local later_delta = entry(later)
        call('LSET', key, place + 1, (string.gsub(later, '^%d+', format('%d', later_delta + delta))))
        call('LSET', key, place, '')
        call('LREM', key, -1, '')
      else
        call('RPOP', key)
        after[4], after[6] = time - delta, time - delta + window - after[5]
      end
      after[1], after[2] = less(after[1], after[2], given.units, given.micros, 1000000)
      if after[1] == 0 and after[2] == 0 then
        call('DEL', key)
      else
        write(key, {after[1], after[2], after[3], after[4], after[5], after[6], true, 0, false})
      end
      return
    end
    if time < given.taken_us then return end
    time, later = time - delta, text
  end
end
