"""Lineage of the tables: a picture of all tables, and a flowchart around each one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from itertools import pairwise

from schemas.table import Table

ORIGIN = "PostgreSQL"
"""Source of `events`: its outbox."""
RUNS = "runs of DAGs"
"""Source of the tables that are not derived from another table."""
BOX_WIDTH, BOX_HEIGHT, GAP, LAYER_GAP, MARGIN = 170, 24, 10, 110, 16
PAINT = {"spark": "#e8f1fb", "delta-rs": "#f3f7e8", "origin": "#fdf0e2"}

Graph = Mapping[str, tuple[str, ...]]


def build_graph(tables: Iterable[Table]) -> dict[str, tuple[str, ...]]:
    """Each table's sources, by its name."""
    sources = {table.name: table.made_from or (RUNS,) for table in tables}
    sources["events"] = (ORIGIN,)
    return sources


def render_mermaid(name: str, of: Graph) -> str:
    """A table with all that it is derived from and all that is derived from it, as a Mermaid flowchart."""
    edges = [*_edges_up(name, of), *_edges_down(name, of)]
    lines = [f"    {_id(source)}[{source}] --> {_id(made)}[{made}]" for source, made in dict.fromkeys(edges)]
    return "\n".join(["```mermaid", "flowchart LR", *lines, f"    style {_id(name)} stroke-width:3px", "```"])


def render_picture(tables: Iterable[Table]) -> str:
    """All tables as an SVG, sources on the left, coloured by the engine that writes them."""
    declared = {table.name: table for table in tables}
    of = build_graph(declared.values())
    layers = _layers(of)
    rows = max(map(len, layers))
    places = {
        name: (
            MARGIN + number * (BOX_WIDTH + LAYER_GAP),
            MARGIN + row * (BOX_HEIGHT + GAP) + (rows - len(layer)) * (BOX_HEIGHT + GAP) // 2,
        )
        for number, layer in enumerate(layers)
        for row, name in enumerate(layer)
    }
    width = 2 * MARGIN + len(layers) * BOX_WIDTH + (len(layers) - 1) * LAYER_GAP
    height = 2 * MARGIN + rows * (BOX_HEIGHT + GAP) - GAP
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        *(_edge(places[source], places[made]) for made, sources in of.items() for source in sources),
        *(_box(name, at, declared.get(name)) for name, at in places.items()),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _layers(of: Graph) -> list[list[str]]:
    """Names by the longest path from a source, ordered within a layer by their first source."""
    depth: dict[str, int] = {}

    def measure_depth(name: str) -> int:
        if name not in depth:
            depth[name] = 1 + max((measure_depth(source) for source in of.get(name, ())), default=-1)
        return depth[name]

    names = [*dict.fromkeys(source for sources in of.values() for source in sources), *of]
    layers: list[list[str]] = [[] for _ in range(1 + max(map(measure_depth, names)))]
    for name in dict.fromkeys(names):
        layers[depth[name]].append(name)
    for before, layer in pairwise(layers):
        rank = {name: number for number, name in enumerate(before)}
        layer.sort(key=lambda name: min((rank.get(source, len(rank)) for source in of[name]), default=0))
    return layers


def _edges_up(name: str, of: Graph) -> list[tuple[str, str]]:
    return [
        edge for source in of.get(name, ()) for edge in (*_edges_up(source, of), (source, name))
    ]  # ends: no table is derived from itself


def _edges_down(name: str, of: Graph) -> list[tuple[str, str]]:
    return [
        edge
        for made, sources in of.items()
        if name in sources
        for edge in ((name, made), *_edges_down(made, of))
    ]


def _id(name: str) -> str:
    return name.replace(" ", "_")


def _edge(source: tuple[int, int], made: tuple[int, int]) -> str:
    start_x, start_y = source[0] + BOX_WIDTH, source[1] + BOX_HEIGHT // 2
    end_x, end_y = made[0], made[1] + BOX_HEIGHT // 2
    bend = (end_x - start_x) // 2
    return (
        f'<path d="M{start_x},{start_y} C{start_x + bend},{start_y} {end_x - bend},{end_y} {end_x},{end_y}" '
        'fill="none" stroke="#9aa4b0"/>'
    )


def _box(name: str, at: tuple[int, int], table: Table | None) -> str:
    paint = PAINT[table.writer if table else "origin"]
    text = (
        f'<text x="{at[0] + BOX_WIDTH // 2}" y="{at[1] + 16}" text-anchor="middle" fill="#1d2733">'
        f"{escape(name)}</text>"
    )
    box = (
        f'<rect x="{at[0]}" y="{at[1]}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="4" fill="{paint}" '
        'stroke="#6b7683"/>'
    )
    return f'<a href="{name}.md">{box}{text}</a>' if table else f"{box}{text}"
