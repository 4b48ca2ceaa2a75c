"""Unit costs, derived from the measured figures.

Tests: tests/newsreel/test_capacity.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from newsreel.capacity.measured import Line, Measurements, fit_line

MIB = 1 << 20


@dataclass(frozen=True)
class UnitCosts:
    """Core-seconds and bytes per unit of work; `cores` of the measured machine."""

    cores: int
    live_s: float
    """Duration of the runs behind the next four, at constant rates."""
    reads_api_core_s: Line
    reads_database_core_s: Line
    writes_api_core_s: Line
    writes_database_core_s: Line
    media_core_s_per_byte: float
    upload_core_s_per_byte: float
    redis_decisions_per_s: float
    redis_key_bytes: float
    sink_events_per_s: float
    ingest_core_s: Line
    """Per video, over its seconds."""
    refresh_core_s: Line
    """Per refresh, over its events."""
    source_bytes: float
    """This and the next four: per second of video."""
    package_bytes: float
    kept_bytes: float
    video_lake_bytes: float
    watched_bytes: float
    row_bytes: float
    outbox_bytes: float
    event_bytes: Line
    """Per day in the lake's `events`, over the day's events; `table_bytes` likewise in the tables."""
    table_bytes: Line

    def compute_api_cores(self, reads_per_s: float, writes_per_s: float) -> float:
        """Compute the cores that the API uses at these request rates."""
        return self._compute_cores(self.reads_api_core_s, reads_per_s, self.writes_api_core_s, writes_per_s)

    def compute_database_cores(self, reads_per_s: float, writes_per_s: float) -> float:
        """Compute the cores that PostgreSQL uses at these request rates."""
        return self._compute_cores(
            self.reads_database_core_s, reads_per_s, self.writes_database_core_s, writes_per_s
        )

    def _compute_cores(self, reads: Line, reads_per_s: float, writes: Line, writes_per_s: float) -> float:
        """Add the costs of both; the fixed part of a busy server counts once."""
        fixed = max(reads.fixed, writes.fixed) / self.live_s
        return fixed + reads.each * reads_per_s + writes.each * writes_per_s


def derive_unit_costs(measurements: Measurements) -> UnitCosts:
    """Derive all unit costs. Raises DependencyError if a figure is missing."""
    uploads = measurements["upload_mib_per_s"]
    return UnitCosts(
        cores=int(uploads.conditions["cores"]),
        live_s=measurements["live_s"].value,
        reads_api_core_s=fit_line(measurements["reads_slow_api"], measurements["reads_fast_api"]),
        reads_database_core_s=fit_line(
            measurements["reads_slow_database"], measurements["reads_fast_database"]
        ),
        writes_api_core_s=fit_line(measurements["writes_slow_api"], measurements["writes_fast_api"]),
        writes_database_core_s=fit_line(
            measurements["writes_slow_database"], measurements["writes_fast_database"]
        ),
        media_core_s_per_byte=measurements["media_api"].each,
        # An upper bound: the whole machine was busy, clients included.
        upload_core_s_per_byte=uploads.conditions["cores"] / (uploads.value * MIB),
        redis_decisions_per_s=measurements["redis_decisions_per_s"].value,
        redis_key_bytes=measurements["redis_key_bytes"].value,
        sink_events_per_s=measurements["sink_events_per_s"].value,
        ingest_core_s=fit_line(measurements["ingest_1_min"], measurements["ingest_10_min"]),
        refresh_core_s=fit_line(measurements["refresh_small"], measurements["refresh_large"]),
        source_bytes=measurements["source_bytes"].each,
        package_bytes=measurements["package_bytes"].each,
        kept_bytes=measurements["kept_bytes"].each,
        video_lake_bytes=measurements["video_lake_bytes"].each,
        watched_bytes=measurements["watched_bytes"].each,
        row_bytes=measurements["row_bytes"].value,
        outbox_bytes=measurements["outbox_event_bytes"].value,
        event_bytes=fit_line(measurements["event_bytes_small"], measurements["event_bytes_large"]),
        table_bytes=fit_line(measurements["table_bytes_small"], measurements["table_bytes_large"]),
    )
