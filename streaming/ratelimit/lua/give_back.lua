-- Give back what a request was granted. KEYS[1]; arguments: cost (units, millionths), the time at which it was granted,
-- then those of the algorithm.
algorithm.give_back(KEYS[1], ARGV, 4, server_us(), tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]))
return 1
