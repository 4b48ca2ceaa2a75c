-- Many requests in groups, one group after another; of each group all requests are granted or none.
-- KEYS: one a request. Arguments, for each request: algorithm, cost (units, millionths; with that of earlier requests of
-- its group on the same key), 1 if it is the last of its group on its key, 1 if it ends its group, then those of the
-- algorithm and how many they are first.
-- Answer: the answers of all requests, SIZE numbers each.
local SIZE = 7
local now, at, first, answers = server_us(), 1, 1, {}
local group = {}

local function decide_group(take)
  local all = true
  for number, one in ipairs(group) do
    one.answer, one.after =
      one.algorithm.decide(one.key, ARGV, one.at, now, one.units, one.micros, take)
    if one.answer[1] == 0 then all = false end
  end
  return all
end

for number, key in ipairs(KEYS) do
  local one = {
    key = key, algorithm = algorithms[ARGV[at]], at = at + 6,
    units = tonumber(ARGV[at + 1]), micros = tonumber(ARGV[at + 2]), last = ARGV[at + 3] == '1',
  }
  group[#group + 1] = one
  local ends = ARGV[at + 4] == '1'
  at = at + 6 + tonumber(ARGV[at + 5])
  if ends then
    if not decide_group(true) then decide_group(false) end
    for _, decided in ipairs(group) do
      if decided.last then decided.algorithm.write(decided.key, decided.after) end
      for place = 1, SIZE do answers[#answers + 1] = decided.answer[place] or 0 end
    end
    group = {}
  end
end
return answers
