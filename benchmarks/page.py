"""Sections of docs/benchmarks/ from the output of `newsreel bench NAME --json`: `python -m benchmarks.page FILE...`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any


def render_section(document: Mapping[str, Any]) -> str:
    """Figures, limits and conditions of one bench in Markdown."""
    return "\n".join(_render_lines(document)) + "\n"


def _render_lines(document: Mapping[str, Any]) -> Iterator[str]:
    conditions, unit = document["conditions"], document["unit"]
    versions = ", ".join(f"{name} {version}" for name, version in conditions.get("versions", {}).items())
    verdict = "passes" if document["passes"] else "does not pass"
    yield f"### `{document['name']}`: {verdict}"
    yield ""
    yield (
        f"Ours {_format_value(document['ours'], unit)}, "
        f"{document['peer_name']} {_format_value(document['peer'], unit)}, "
        f"ratio {_format_value(document['ratio'], '')}."
    )
    yield ""
    yield "| figure | value | limit | target |"
    yield "|---|---|---|---|"
    for figure in document["figures"]:
        sign = "≥" if figure["at_least"] else "≤"
        limit = (
            f"{sign} {_format_value(figure['limit'], figure['unit'])}" if figure["limit"] is not None else ""
        )
        target = _format_value(figure["target"], figure["unit"]) if figure["target"] is not None else ""
        yield f"| {figure['name']} | {_format_value(figure['value'], figure['unit'])} | {limit} | {target} |"
    if document["breakdown"]:
        yield ""
        yield "| of which | s |"
        yield "|---|---|"
        for part, seconds in document["breakdown"].items():
            yield f"| {part} | {_format_value(seconds, '')} |"
    yield ""
    others = "; ".join(f"{name} {value}" for name, value in conditions.items() if name != "versions")
    yield f"Conditions: {others}. Versions: {versions}."


def _format_value(value: float | None, unit: str) -> str:
    if value is None:
        return "not measured"
    number = f"{value:.0f}" if value >= 100 else f"{value:.3g}"
    return f"{number} {unit}".strip()


def main(argv: Sequence[str] | None = None) -> int:
    """Print the section of each file."""
    for name in sys.argv[1:] if argv is None else argv:
        print(render_section(json.loads(Path(name).read_text())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
