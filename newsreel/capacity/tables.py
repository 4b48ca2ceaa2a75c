"""Tables of a capacity estimate, with rounded figures.

Tests: tests/newsreel/test_capacity.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from newsreel.capacity.estimate import YEAR_DAYS, Estimate

MB, GB, TB = 1e6, 1e9, 1e12
BIT = 8
HOUR_S = 3_600


@dataclass(frozen=True)
class Table:
    """Rows of text under a title."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def build_tables(found: Estimate) -> Iterator[Table]:
    """Build all tables that the command prints."""
    yield build_demand_table(found)
    yield build_storage_table(found)
    yield build_machines_table(found)
    yield build_growth_table(found)
    yield build_limits_table(found)


def build_demand_table(found: Estimate) -> Table:
    """Build requests, bandwidth and work: means of a day, and peaks."""
    demand, peak = found.demand, found.habits.peak
    rates = {
        "API reads, requests/s": demand.reads_per_s,
        "API writes, requests/s": demand.writes_per_s,
        "rate limit decisions/s": demand.decisions_per_s,
        "segments of video and sound, requests/s": demand.media_requests_per_s,
        "watched, Gbit/s": demand.watched_bytes_per_s * BIT / GB,
        "of which from the origin, Gbit/s": demand.origin_bytes_per_s * BIT / GB,
        "uploads, Mbit/s": demand.upload_bytes_per_s * BIT / MB,
        "uploads, videos/h": demand.uploads_per_day / 24,
        "ingest, core-h/h": demand.encode_core_s_per_day / HOUR_S / 24,
        "events/s": demand.events_per_day / HOUR_S / 24,
    }
    rows = [(name, format_figure(mean), format_figure(mean * peak)) for name, mean in rates.items()]
    return Table(f"Demand of {found.habits.dau:,.0f} daily users", ("", "mean", "peak"), rows)


def build_storage_table(found: Estimate) -> Table:
    """Build stored bytes: one copy of a day, all copies after a year."""
    demand, copies = found.demand, found.habits.replication
    rows = [
        (
            data.kind,
            format_figure(data.bytes_per_day / GB),
            format_figure(data.compute_bytes(YEAR_DAYS) * copies / TB),
        )
        for data in demand.stored
    ]
    day_gb, year_tb = demand.sum_stored_bytes(1) / GB, demand.sum_stored_bytes(YEAR_DAYS) * copies / TB
    total = ("together", format_figure(day_gb), format_figure(year_tb))
    return Table("Storage", ("", "GB a day, one copy", f"TB after a year, {copies:g} copies"), [*rows, total])


def build_machines_table(found: Estimate) -> Table:
    """Build machines for the peak, with the edge cache and without."""
    machine = found.machine
    rows = [
        (kind.name, format_figure(kind.cores), f"{kind.count(machine):,}", f"{bare.count(machine):,}")
        for kind, bare in zip(found.kinds, found.without_edge, strict=True)
    ]
    bare_total = sum(kind.count(machine) for kind in found.without_edge)
    cores = format_figure(sum(kind.cores for kind in found.kinds))
    total = ("together", cores, f"{found.count_machines():,}", f"{bare_total:,}")
    title = f"Machines of {machine.cores} cores, {machine.utilisation:.0%} used at the peak"
    return Table(title, ("", "cores at the peak", "machines", "without an edge cache"), [*rows, total])


def build_growth_table(found: Estimate) -> Table:
    """Build the load of each kind, in machines, at multiples of the users."""
    columns = ("", *(f"{stage.factor}x" for stage in found.growth), "several", "what moves it")
    rows = []
    for number, kind in enumerate(found.kinds):
        loads = [format_figure(stage.kinds[number].compute_load(found.machine)) for stage in found.growth]
        rows.append((kind.name, *loads, "yes" if kind.several else "no", kind.moved_by))
    return Table("Growth: load in machines", columns, rows)


def build_limits_table(found: Estimate) -> Table:
    """Build the kinds that are full and cannot scale out."""
    rows = []
    for stage in found.growth:
        limits = [
            f"{kind.name} (load {format_figure(kind.compute_load(found.machine))})"
            for kind in stage.find_full(found.machine)
            if not kind.several
        ]
        rows.append(
            (
                f"{stage.factor}x",
                f"{stage.dau:,.0f}",
                ", then ".join(limits) or "nothing: more machines suffice",
            )
        )
    return Table("What breaks first", ("", "daily users", "where more machines do not help"), rows)


def build_prediction_table(found: Estimate) -> Table:
    """Build predicted beside measured figures."""
    rows = [
        (
            prediction.measured.what,
            prediction.measured.unit,
            format_figure(prediction.predicted),
            format_figure(prediction.measured.value),
            f"{prediction.off_by:+.1%}",
            "yes" if prediction.holds else "NO",
        )
        for prediction in found.predictions
    ]
    return Table("Prediction", ("run", "unit", "predicted", "measured", "off by", "within 20 %"), rows)


def format_figure(value: float) -> str:
    """Format with three significant digits."""
    if value == 0:
        return "0"
    digits = 2 - math.floor(math.log10(abs(value)))
    rounded = round(value, digits)
    return f"{rounded:,.{max(0, digits)}f}" if rounded >= 0.001 else f"{rounded:.1g}"
