-- One request. KEYS[1]; ARGV[1]: take (1 or 0), cost (units, millionths), then the numbers of the algorithm.
local take, units, micros, a, b, c, d, e = unpack_numbers('<dddddddd', ARGV[1])
local answer, after = decide(KEYS[1], server_us(), units, micros, take == 1, a, b, c, d, e)
if take == 1 then write(KEYS[1], after) end
return answer
