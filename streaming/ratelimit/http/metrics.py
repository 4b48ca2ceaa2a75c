"""Decisions as Prometheus counts them: by policy, never by subject."""

from __future__ import annotations

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram

from streaming.ratelimit.http.enforcement import Result

DECISION_BUCKETS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1)
QUEUED_BUCKETS_S = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """`ratelimit_decisions_total{policy,outcome}`, `ratelimit_decision_seconds` and `ratelimit_queued_seconds`.

    One for a registry. `outcome`: allowed, refused (only of the policies that refuse: of the others nothing was
    consumed), shadow_refused, unavailable.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._decisions = Counter(
            "ratelimit_decisions",
            "Decisions on requests and frames",
            ("policy", "outcome"),
            registry=registry,
        )
        self._seconds = Histogram(
            "ratelimit_decision_seconds",
            "Time in which the policies of one request were decided",
            buckets=DECISION_BUCKETS_S,
            registry=registry,
        )
        self._queued = Histogram(
            "ratelimit_queued_seconds",
            "Time that accepted requests of leaking buckets wait",
            buckets=QUEUED_BUCKETS_S,
            registry=registry,
        )

    def decided(self, policy: str, result: Result) -> None:
        """Count a decision."""
        self._decisions.labels(policy, result).inc()

    def took(self, seconds: float) -> None:
        """Note the time of a decision."""
        self._seconds.observe(seconds)

    def queued(self, seconds: float) -> None:
        """Note a wait."""
        self._queued.observe(seconds)
