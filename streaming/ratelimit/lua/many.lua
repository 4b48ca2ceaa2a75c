-- Many requests in groups, one group after another; of each group all requests are granted or none.
-- KEYS and ARGV: one a request. A request: number of its algorithm, 1 if what it is allowed is consumed (0 only of one
-- that is a group by itself), 1 if it ends its group, 1 if it is the last of its group on its key, cost (units,
-- millionths; with that of earlier requests of its group on the same key), then the numbers of the algorithm.
-- Answer: the answers of all requests, SIZE numbers each.
local SIZE = 7
local now, answers, group = server_us(), {}, {}

local function decide_group(take)
  local all = true
  for _, one in ipairs(group) do
    one.answer, one.after = one.algorithm.decide(one.key, now, one.units, one.micros, take, unpack(one.numbers))
    if one.answer[1] == 0 then all = false end
  end
  return all
end

for number, key in ipairs(KEYS) do
  local kind, take, ends, last, units, micros, a, b, c, d, e = unpack_numbers('<ddddddddddd', ARGV[number])
  local algorithm = algorithms[kind]
  if ends == 1 and #group == 0 then
    local answer, after = algorithm.decide(key, now, units, micros, take == 1, a, b, c, d, e)
    if take == 1 then algorithm.write(key, after) end
    for place = 1, SIZE do answers[#answers + 1] = answer[place] or 0 end
  else
    group[#group + 1] = {
      key = key, algorithm = algorithm, units = units, micros = micros, last = last == 1, numbers = {a, b, c, d, e},
    }
    if ends == 1 then
      if not decide_group(true) then decide_group(false) end
      for _, one in ipairs(group) do
        if one.last then one.algorithm.write(one.key, one.after) end
        for place = 1, SIZE do answers[#answers + 1] = one.answer[place] or 0 end
      end
      group = {}
    end
  end
end
return answers
