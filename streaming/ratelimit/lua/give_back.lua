-- Give back what requests of one slot were granted, and answer as if each were asked now, with nothing consumed.
-- KEYS and ARGV: one a request, as in many.lua; then the last three numbers of its answer when it was granted.
-- Answer: as that of many.lua.
local SIZE = 7
local now, answers = server_us(), {}
local TOLD = '<dddddddddddddd'

for number, key in ipairs(KEYS) do
  local kind, _, _, last, units, micros, a, b, c, d, e, taken_us, met_units, met_grains = unpack_numbers(TOLD, ARGV[number])
  if last == 1 then
    local given = {units = units, micros = micros, taken_us = taken_us, met_units = met_units, met_grains = met_grains}
    algorithms[kind].give_back(key, now, given, a, b, c, d, e)
  end
end

for number, key in ipairs(KEYS) do
  local kind, _, _, _, units, micros, a, b, c, d, e = unpack_numbers(TOLD, ARGV[number])
  local answer = algorithms[kind].decide(key, now, units, micros, false, a, b, c, d, e)
  for place = 1, SIZE do answers[#answers + 1] = answer[place] or 0 end
end
return answers
