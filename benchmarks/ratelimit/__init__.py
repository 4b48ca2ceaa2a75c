"""`newsreel bench ratelimit`: the five limiters, in memory and on Redis, against exact arithmetic and their peers."""
