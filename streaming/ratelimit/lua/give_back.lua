-- Give back what requests of one slot were granted, and answer as if each were asked now, with nothing consumed.
-- KEYS: one a request. Arguments, for each request: algorithm, cost (units, millionths; with that of earlier requests on
-- the same key), 1 if it is the last on its key, the last three numbers of its answer when it was granted, then those of
-- the algorithm and how many they are first.
-- Answer: as that of many.lua.
local SIZE = 7
local now, at, answers, requests = server_us(), 1, {}, {}

for number, key in ipairs(KEYS) do
  local one = {
    key = key, algorithm = algorithms[ARGV[at]], at = at + 8,
    units = tonumber(ARGV[at + 1]), micros = tonumber(ARGV[at + 2]),
  }
  if ARGV[at + 3] == '1' then
    local taken_us, met_units, met_grains = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])
    one.algorithm.give_back(key, ARGV, one.at, now, one.units, one.micros, taken_us, met_units, met_grains)
  end
  at = at + 8 + tonumber(ARGV[at + 7])
  requests[number] = one
end

for _, one in ipairs(requests) do
  local answer = one.algorithm.decide(one.key, ARGV, one.at, now, one.units, one.micros, false)
  for place = 1, SIZE do answers[#answers + 1] = answer[place] or 0 end
end
return answers
