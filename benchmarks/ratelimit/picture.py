"""Plot (.svg, .png) of the five limiters' decisions on one burst: `python -m benchmarks.ratelimit.picture FILE...`.

The decisions are those of the limiters themselves, under a controlled clock. The output is reproducible.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from benchmarks.ratelimit.oracle import MICROSECONDS
from streaming.ratelimit import (
    FixedWindow,
    LeakingBucket,
    MemoryStore,
    RateLimiter,
    SlidingWindowCounter,
    SlidingWindowLog,
    TokenBucket,
)

UNITS, WINDOW_S = 10, 10
BEGIN_S, END_S, MOST_AT_S = 5, 35, 36.2
RATE = Fraction(UNITS, WINDOW_S)

ROWS: tuple[tuple[str, Any, str], ...] = (
    ("Token bucket", TokenBucket(UNITS, RATE), "#1b6ca8"),
    ("Leaking bucket", LeakingBucket(UNITS, RATE), "#2a8c82"),
    ("Fixed window", FixedWindow(UNITS, WINDOW_S), "#b5482a"),
    ("Sliding window log", SlidingWindowLog(UNITS, WINDOW_S), "#6d4a94"),
    ("Sliding window counter", SlidingWindowCounter(UNITS, WINDOW_S), "#8a6d1f"),
)

GRID_US = 20_000
"""Time between two points of a curve."""

INK, FAINT = "#333333", "#b8b8b8"


@dataclass(frozen=True)
class Row:
    """Decisions of one limiter in us: times of admitted requests, times at which these may act, of refused requests."""

    admitted: list[int]
    acts: list[int]
    refused: list[int]

    def count_in_window(self, now: int) -> int:
        """Number of requests that acted in (now - window, now]."""
        return sum(now - WINDOW_S * MICROSECONDS < time <= now for time in self.acts)


def build_arrivals() -> list[int]:
    """Arrivals in us: two bursts around a window's edge, a pause, then half as many again as the limit allows."""
    bursts = [first + 250_000 * number for first in (6_200_000, 10_400_000) for number in range(14)]
    return bursts + [20_400_000 + 666_666 * number for number in range(22)]


def admit(limit: Any, times: Sequence[int]) -> Row:
    """Request one unit at each time."""
    now = Fraction(0)
    limiter = RateLimiter(MemoryStore(clock=lambda: now))
    row = Row([], [], [])
    for time in times:
        now = Fraction(time, MICROSECONDS)
        decision = limiter.acquire_sync("key", limit)
        if decision.allowed:
            row.admitted.append(time)
            row.acts.append(time + round(decision.wait_s * MICROSECONDS))
        else:
            row.refused.append(time)
    return row


def draw(path: str) -> None:
    """Write the plot to a file."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update(
        {"svg.hashsalt": "newsreel", "svg.fonttype": "path", "font.family": "DejaVu Sans", "font.size": 9}
    )
    from matplotlib import pyplot

    times = build_arrivals()
    figure, (rows, curves) = pyplot.subplots(
        2, 1, figsize=(8, 6.4), height_ratios=(1.35, 1), sharex=True, layout="constrained"
    )
    _draw_rows(rows, times)
    _draw_curves(curves, times)
    figure.savefig(path, dpi=100, metadata={"Date": None} if path.endswith(".svg") else {"Software": None})
    pyplot.close(figure)


def _draw_rows(axes: Any, times: Sequence[int]) -> None:
    """Draw the arrivals, then a row for each limiter: dots for requests that act, ticks for refused ones."""
    axes.plot(_to_seconds(times), [0] * len(times), "|", color=INK, markersize=9, markeredgewidth=0.9)
    axes.text(MOST_AT_S, 0, f"most in\n{WINDOW_S} s", ha="center", va="center", color=INK, fontsize=8)
    for number, (_, limit, colour) in enumerate(ROWS, 1):
        row = admit(limit, times)
        for came, left in zip(row.admitted, row.acts, strict=True):
            if came < left <= END_S * MICROSECONDS:
                wait = _to_seconds((came, left))
                axes.plot(wait, [number - 0.34, number], color=colour, linewidth=0.5, alpha=0.6)
        refused = _to_seconds(row.refused)
        acts = _to_seconds([time for time in row.acts if time <= END_S * MICROSECONDS])
        axes.plot(
            refused, [number + 0.22] * len(refused), "|", color=FAINT, markersize=6, markeredgewidth=0.9
        )
        axes.plot(acts, [number] * len(acts), "o", color=colour, markersize=4.2, markeredgewidth=0)
        most = max(row.count_in_window(now) for now in row.acts)
        axes.text(MOST_AT_S, number, f"{most}", ha="center", va="center", color=colour, fontweight="bold")
    labels = ["Arrivals"] + [name for name, _, _ in ROWS]
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_title(
        "Dots: requests act. Grey ticks: refused. Slanted lines: the wait in the queue.",
        loc="left",
        fontsize=9,
    )
    _style_axes(axes)


def _draw_curves(axes: Any, times: Sequence[int]) -> None:
    """Draw the number of requests that acted in the window that ends now: the load behind the limiter."""
    grid = range(BEGIN_S * MICROSECONDS, END_S * MICROSECONDS + 1, GRID_US)
    for number, (name, limit, colour) in enumerate(ROWS):
        row, apart = (
            admit(limit, times),
            (number - 2) * 0.13,
        )  # coincident lines would hide each other
        counts = [row.count_in_window(now) + apart for now in grid]
        axes.plot(_to_seconds(grid), counts, color=colour, linewidth=1.3, label=name)
    axes.plot((BEGIN_S, END_S), (UNITS, UNITS), color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.set_ylim(-0.4, 2 * UNITS + 2)
    axes.set_yticks(range(0, 2 * UNITS + 1, 5))
    axes.set_xlim(BEGIN_S, END_S + 2.2)
    axes.set_xticks(range(BEGIN_S, END_S + 1, 5))
    axes.set_xlabel("seconds; a fixed window begins at each grey line")
    axes.set_title(
        f"Acted in the last {WINDOW_S} s. Dashed: the limit, {UNITS} in {WINDOW_S} s.", loc="left", fontsize=9
    )
    axes.legend(loc="upper right", ncols=2, frameon=False, fontsize=8)
    _style_axes(axes)


def _to_seconds(times: Sequence[int]) -> list[float]:
    return [time / MICROSECONDS for time in times]


def _style_axes(axes: Any) -> None:
    for edge in range(WINDOW_S, END_S, WINDOW_S):
        axes.axvline(edge, color="#e4e4e4", linewidth=0.8, zorder=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    axes.tick_params(length=0, colors=INK)


def main() -> int:
    """Draw each of the given files."""
    for path in sys.argv[1:]:
        draw(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
