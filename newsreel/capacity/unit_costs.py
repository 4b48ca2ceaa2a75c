"""What one of each thing costs, as the measured figures give it."""

from __future__ import annotations

from dataclasses import dataclass

from newsreel.capacity.measured import Line, Measured, line

MIB = 1 << 20


@dataclass(frozen=True)
class UnitCosts:
    """Core-seconds and bytes; `cores` of the machine that was measured."""

    cores: int
    live_s: float
    """How long the rates of the next four were kept up."""
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
    """Of one video, by its seconds."""
    refresh_core_s: Line
    """Of one refresh, by its events."""
    source_bytes: float
    """These five: a second of video."""
    package_bytes: float
    kept_bytes: float
    video_lake_bytes: float
    watched_bytes: float
    row_bytes: float
    outbox_bytes: float
    event_bytes: Line
    """In the lake's `events`, by a day's events; likewise in the tables."""
    table_bytes: Line

    def api_cores(self, reads_per_s: float, writes_per_s: float) -> float:
        """Of the API, for requests at these rates."""
        return self._cores(self.reads_api_core_s, reads_per_s, self.writes_api_core_s, writes_per_s)

    def database_cores(self, reads_per_s: float, writes_per_s: float) -> float:
        """Of PostgreSQL, likewise."""
        return self._cores(self.reads_database_core_s, reads_per_s, self.writes_database_core_s, writes_per_s)

    def _cores(self, reads: Line, reads_per_s: float, writes: Line, writes_per_s: float) -> float:
        """What a server takes for being asked at all, it takes once, whatever it is asked."""
        standing = max(reads.fixed, writes.fixed) / self.live_s
        return standing + reads.each * reads_per_s + writes.each * writes_per_s


def unit_costs(found: Measured) -> UnitCosts:
    """All unit costs. Raises DependencyError where one was not measured."""
    uploads = found["upload_mib_per_s"]
    return UnitCosts(
        cores=int(uploads.conditions["cores"]),
        live_s=found["live_s"].value,
        reads_api_core_s=line(found["reads_slow_api"], found["reads_fast_api"]),
        reads_database_core_s=line(found["reads_slow_database"], found["reads_fast_database"]),
        writes_api_core_s=line(found["writes_slow_api"], found["writes_fast_api"]),
        writes_database_core_s=line(found["writes_slow_database"], found["writes_fast_database"]),
        media_core_s_per_byte=found["media_api"].each,
        # The whole machine was at it, the clients too: no less is sure.
        upload_core_s_per_byte=uploads.conditions["cores"] / (uploads.value * MIB),
        redis_decisions_per_s=found["redis_decisions_per_s"].value,
        redis_key_bytes=found["redis_key_bytes"].value,
        sink_events_per_s=found["sink_events_per_s"].value,
        ingest_core_s=line(found["ingest_1_min"], found["ingest_10_min"]),
        refresh_core_s=line(found["refresh_small"], found["refresh_large"]),
        source_bytes=found["source_bytes"].each,
        package_bytes=found["package_bytes"].each,
        kept_bytes=found["kept_bytes"].each,
        video_lake_bytes=found["video_lake_bytes"].each,
        watched_bytes=found["watched_bytes"].each,
        row_bytes=found["row_bytes"].value,
        outbox_bytes=found["outbox_event_bytes"].value,
        event_bytes=line(found["event_bytes_small"], found["event_bytes_large"]),
        table_bytes=line(found["table_bytes_small"], found["table_bytes_large"]),
    )
