"""Rate limits in front of an ASGI application: limits as data, for requests, handshakes and WebSocket frames.

policies = read_policies({"policies": [
    {"name": "burst", "algorithm": "token_bucket", "capacity": 20, "refill_per_s": 10,
     "by": ["user|address"], "routes": ["/v1/**"]},
    {"name": "login", "algorithm": "sliding_window_log", "limit": 5, "window_s": 60,
     "by": ["address"], "routes": ["POST /v1/sessions"]},
    {"name": "login name", "algorithm": "sliding_window_log", "limit": 5, "window_s": 60, "by": [], "routes": []},
    {"name": "chat", "algorithm": "token_bucket", "capacity": 10, "refill_per_s": 2,
     "by": ["user|address"], "routes": ["/chat"], "frames": True},
]})
app = RateLimitMiddleware(app, RateLimiter(RedisStore(url)), policies, user=user_of_scope)

await Guard.of(scope).check("login name", user_name)     # in the handler that has read the body; raises Refused
policies.replace(read_policies(changed))                 # from the next request on; what was used stays used
await who_is_limited(limiter, policies)                  # or mount LimitedView(limiter, policies) for operators

Counted by Prometheus: `RateLimitMiddleware(..., metrics=Metrics(registry))`, from streaming.ratelimit.http.metrics.

Tests: tests/streaming/ratelimit/http.
"""

from streaming.ratelimit.http.enforcement import Observer
from streaming.ratelimit.http.frames import rate_limited
from streaming.ratelimit.http.guard import Guard
from streaming.ratelimit.http.limited import Limited, LimitedView, who_is_limited
from streaming.ratelimit.http.middleware import RateLimitMiddleware
from streaming.ratelimit.http.policy import Policies, Policy, read_policies
from streaming.ratelimit.http.refused import Refused

__all__ = [
    "Guard",
    "Limited",
    "LimitedView",
    "Observer",
    "Policies",
    "Policy",
    "RateLimitMiddleware",
    "Refused",
    "rate_limited",
    "read_policies",
    "who_is_limited",
]
