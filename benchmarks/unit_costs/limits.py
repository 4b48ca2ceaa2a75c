"""Part `limits`: memory in Redis of the API's rate limits per active user."""

from __future__ import annotations

from benchmarks.ratelimit.peers import Quota, build_redis_askers
from benchmarks.ratelimit.redis_server import redis_server
from benchmarks.report import Say
from benchmarks.unit_costs.cost import Cost

KEYS = 20_000
DAY_S = 86_400


def measure(say: Say) -> list[Cost]:
    """Bytes per key, including the server's hash tables."""
    say(f"limits: {KEYS} keys")
    with redis_server() as server:
        before = server.client.info("memory")["used_memory"]
        build_redis_askers(server.url, Quota("token_bucket", 1000, DAY_S))["ours"](
            [f"user:{number:036d}" for number in range(KEYS)]
        )
        used = server.client.info("memory")["used_memory"] - before
    what = "a token bucket's key in Redis"
    return [Cost("redis_key_bytes", used / KEYS, "bytes", what, {"keys": KEYS})]
