"""Plot of an estimate: load of each kind of machine over the number of users, and bytes stored after a year.

Tests: tests/newsreel/test_capacity.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from newsreel.capacity.estimate import YEAR_DAYS, Estimate
from newsreel.capacity.growth import FACTORS
from schemas.errors import DependencyError, InputError

FORMATS = (".svg", ".png")
POINTS = 60
TB = 1e12
INK, FAINT = "#222222", "#9a9a9a"
COLOURS = ("#1f77b4", "#d62728", "#9467bd", "#2ca02c", "#ff7f0e", "#8c564b", "#17becf")


def draw(found: Estimate, path: Path) -> None:
    """Write the plot. Raises InputError for another format, DependencyError without matplotlib."""
    if path.suffix not in FORMATS:
        raise InputError(f"Invalid --plot {path}: the name must end in .svg or .png")
    try:
        import matplotlib as mpl
    except ModuleNotFoundError as error:
        raise DependencyError("matplotlib is missing: pip install matplotlib") from error
    mpl.use("Agg")
    mpl.rcParams.update(
        {"svg.hashsalt": "newsreel", "svg.fonttype": "path", "font.family": "DejaVu Sans", "font.size": 9}
    )
    from matplotlib import pyplot

    figure, (growth, stored) = pyplot.subplots(
        2, 1, figsize=(8, 7), height_ratios=(1.7, 1), layout="constrained"
    )
    _plot_growth(growth, found)
    _plot_storage(stored, found)
    timestamp = "Date" if path.suffix == ".svg" else "Software"
    figure.savefig(path, dpi=100, metadata={timestamp: None})
    pyplot.close(figure)


def _plot_growth(axes: Any, found: Estimate) -> None:
    """Plot a line for each kind; one machine is full where it crosses 1."""
    from matplotlib.ticker import StrMethodFormatter

    dau = found.habits.dau
    span = FACTORS[-1] * 10
    users = [dau / 10 * span ** (number / (POINTS - 1)) for number in range(POINTS)]
    kinds_by_users = [found.scale_to(count) for count in users]
    ends: list[tuple[float, str, str]] = []
    for number, colour in zip(range(len(found.kinds)), COLOURS, strict=True):
        kind = found.kinds[number]
        loads = [kinds[number].compute_load(found.machine) for kinds in kinds_by_users]
        style = "-" if kind.several else (0, (5, 2))
        axes.plot(users, loads, color=colour, linestyle=style, linewidth=1.6)
        ends.append((loads[-1], kind.name, colour))
    axes.axhline(1, color=INK, linewidth=0.9)
    axes.text(users[0], 0.85, " one machine is full", color=INK, fontsize=8, va="top")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axes.set_xlim(users[0], users[-1])
    bottom, top = axes.get_ylim()
    line_height = (top / bottom) ** 0.052
    height = 0.0
    for load, name, colour in sorted(ends):
        height = max(load, height * line_height)
        axes.annotate(
            name, (users[-1], height), (6, 0), textcoords="offset points", color=colour, va="center"
        )
    for factor in FACTORS:
        axes.axvline(dau * factor, color="#e4e4e4", linewidth=0.8, zorder=0)
    axes.set_xlabel("daily users")
    axes.set_title(
        f"Load at the peak, in machines of {found.machine.cores} cores, {found.machine.utilisation:.0%} used. "
        "Dashed: cannot scale out.",
        loc="left",
        fontsize=9,
    )
    _remove_frame(axes)


def _plot_storage(axes: Any, found: Estimate) -> None:
    """Plot bars: all copies of each kind of data after a year."""
    stored = [
        (data.compute_bytes(YEAR_DAYS) * found.habits.replication / TB, data.kind)
        for data in found.demand.stored
    ]
    stored.sort()
    axes.barh([kind for _, kind in stored], [size for size, _ in stored], color="#8aa9c4", height=0.65)
    for number, (size, _) in enumerate(stored):
        axes.annotate(
            f"{size:,.3g}", (size, number), (4, 0), textcoords="offset points", va="center", color=INK
        )
    axes.set_title(
        f"TB after a year of {found.habits.dau:,.0f} daily users, {found.habits.replication:g} copies",
        loc="left",
        fontsize=9,
    )
    axes.set_xticks([])
    _remove_frame(axes)
    axes.spines["bottom"].set_visible(False)


def _remove_frame(axes: Any) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    axes.tick_params(length=0, colors=INK)
