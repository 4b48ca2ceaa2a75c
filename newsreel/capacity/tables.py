"""An estimate as a person reads it: tables of words and rounded figures."""

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


def tables(found: Estimate) -> Iterator[Table]:
    """All that is printed."""
    yield demand_table(found)
    yield storage_table(found)
    yield machines_table(found)
    yield growth_table(found)
    yield breaks_table(found)


def demand_table(found: Estimate) -> Table:
    """Requests, bandwidth and work; means of a day, and peaks."""
    asked, peak = found.demand, found.habits.peak
    rates = {
        "API reads, requests/s": asked.reads_per_s,
        "API writes, requests/s": asked.writes_per_s,
        "rate limit decisions/s": asked.decisions_per_s,
        "segments of video and sound, requests/s": asked.media_requests_per_s,
        "watched, Gbit/s": asked.watched_bytes_per_s * BIT / GB,
        "of which from the origin, Gbit/s": asked.origin_bytes_per_s * BIT / GB,
        "uploads, Mbit/s": asked.upload_bytes_per_s * BIT / MB,
        "uploads, videos/h": asked.uploads_per_day / 24,
        "ingest, core-h/h": asked.encode_core_s_per_day / HOUR_S / 24,
        "events/s": asked.events_per_day / HOUR_S / 24,
    }
    rows = [(name, said(mean), said(mean * peak)) for name, mean in rates.items()]
    return Table(f"Demand of {found.habits.dau:,.0f} daily users", ("", "mean", "peak"), rows)


def storage_table(found: Estimate) -> Table:
    """Bytes to keep; one copy a day, all copies after a year."""
    asked, copies = found.demand, found.habits.replication
    rows = [
        (one.kind, said(one.bytes_per_day / GB), said(one.after(YEAR_DAYS) * copies / TB))
        for one in asked.stored
    ]
    whole = ("together", said(asked.stored_bytes(1) / GB), said(asked.stored_bytes(YEAR_DAYS) * copies / TB))
    return Table("Storage", ("", "GB a day, one copy", f"TB after a year, {copies:g} copies"), [*rows, whole])


def machines_table(found: Estimate) -> Table:
    """Machines for the peak, with the edge cache and without."""
    machine = found.machine
    rows = [
        (kind.name, said(kind.cores), f"{kind.count(machine):,}", f"{bare.count(machine):,}")
        for kind, bare in zip(found.kinds, found.without_edge, strict=True)
    ]
    bare = sum(kind.count(machine) for kind in found.without_edge)
    whole = ("together", said(sum(kind.cores for kind in found.kinds)), f"{found.machines():,}", f"{bare:,}")
    title = f"Machines of {machine.cores} cores, {machine.utilisation:.0%} used at the peak"
    return Table(title, ("", "cores at the peak", "machines", "without an edge cache"), [*rows, whole])


def growth_table(found: Estimate) -> Table:
    """How many times the work that one machine takes each kind has, as users multiply."""
    columns = ("", *(f"{stage.factor}x" for stage in found.growth), "several", "what moves it")
    rows = []
    for number, kind in enumerate(found.kinds):
        shares = [said(stage.kinds[number].share(found.machine)) for stage in found.growth]
        rows.append((kind.name, *shares, "yes" if kind.several else "no", kind.moved_by))
    return Table("Growth: times what one machine takes", columns, rows)


def breaks_table(found: Estimate) -> Table:
    """The kinds of which there can be only one, and that are full."""
    rows = []
    for stage in found.growth:
        broken = [
            f"{kind.name} ({said(kind.share(found.machine))} times what one takes)"
            for kind in stage.full(found.machine)
            if not kind.several
        ]
        rows.append(
            (f"{stage.factor}x", f"{stage.dau:,.0f}", ", then ".join(broken) or "nothing: machines do")
        )
    return Table("What breaks first", ("", "daily users", "where no further machine helps"), rows)


def prediction_table(found: Estimate) -> Table:
    """What the unit costs predict of runs that they were not taken from."""
    rows = [
        (
            one.measured.what,
            one.measured.unit,
            said(one.predicted),
            said(one.measured.value),
            f"{one.off_by:+.1%}",
            "yes" if one.holds else "NO",
        )
        for one in found.predictions
    ]
    return Table("Prediction", ("run", "unit", "predicted", "measured", "off by", "within 20 %"), rows)


def said(value: float) -> str:
    """Three digits that count."""
    if value == 0:
        return "0"
    digits = 2 - math.floor(math.log10(abs(value)))
    rounded = round(value, digits)
    return f"{rounded:,.{max(0, digits)}f}" if rounded >= 0.001 else f"{rounded:.1g}"
