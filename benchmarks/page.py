"""`python -m benchmarks.page FILE...`: what `newsreel bench NAME --json` printed, as sections of docs/benchmarks/."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any


def section(document: Mapping[str, Any]) -> str:
    """One bench's figures, limits and conditions in Markdown."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    found, unit = document["conditions"], document["unit"]
    versions = ", ".join(f"{name} {version}" for name, version in found.get("versions", {}).items())
    verdict = "passes" if document["passes"] else "does not pass"
    yield f"### `{document['name']}`: {verdict}"
    yield ""
    yield (
        f"Ours {_said(document['ours'], unit)}, {document['peer_name']} {_said(document['peer'], unit)}, "
        f"ratio {_said(document['ratio'], '')}."
    )
    yield ""
    yield "| figure | value | limit | target |"
    yield "|---|---|---|---|"
    for figure in document["figures"]:
        sign = "≥" if figure["at_least"] else "≤"
        limit = f"{sign} {_said(figure['limit'], figure['unit'])}" if figure["limit"] is not None else ""
        target = _said(figure["target"], figure["unit"]) if figure["target"] is not None else ""
        yield f"| {figure['name']} | {_said(figure['value'], figure['unit'])} | {limit} | {target} |"
    if document["breakdown"]:
        yield ""
        yield "| of which | s |"
        yield "|---|---|"
        for part, seconds in document["breakdown"].items():
            yield f"| {part} | {_said(seconds, '')} |"
    yield ""
    told = "; ".join(f"{name} {value}" for name, value in found.items() if name != "versions")
    yield f"Conditions: {told}. Versions: {versions}."


def _said(value: float | None, unit: str) -> str:
    if value is None:
        return "not measured"
    number = f"{value:.0f}" if value >= 100 else f"{value:.3g}"
    return f"{number} {unit}".strip()


def main(argv: Sequence[str] | None = None) -> int:
    """Print a section for each file."""
    for name in sys.argv[1:] if argv is None else argv:
        print(section(json.loads(Path(name).read_text())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
