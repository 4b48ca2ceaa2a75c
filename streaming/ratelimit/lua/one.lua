-- One request. KEYS[1]; arguments: take (1 or 0), cost (units, millionths), then those of the algorithm.
local take = ARGV[1] == '1'
local answer, after = algorithm.decide(KEYS[1], ARGV, 4, server_us(), tonumber(ARGV[2]), tonumber(ARGV[3]), take)
if take then algorithm.write(KEYS[1], after) end
return answer
