"""Unit costs from documents of `newsreel bench NAME --json`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.unit_costs.cost import Cost, RunCosts
from schemas.errors import InputError

Document = Mapping[str, Any]
SEED = 0
"""Seed of the footage for unit costs; documents with another seed are checks."""


def extract_costs(document: Document) -> RunCosts:
    """Unit costs of a document. Raises InputError if its bench, or its part of one, has none."""
    extract = EXTRACTORS.get(document["name"])
    if extract is None:
        raise InputError(f"bench {document['name']!r} has no unit costs; choose from {', '.join(EXTRACTORS)}")
    return extract(document)


def _extract_ingest(document: Document) -> RunCosts:
    seed, (minutes,) = document["conditions"]["seed"], document["conditions"]["minutes"]
    command = f"newsreel bench ingest --minutes {minutes:g} --seed {seed} --json"
    seconds = {"video_s": minutes * 60}
    what = f"a video of {minutes:g} min: CPU of the whole stack, from Airflow to the last stage"
    value = _find_value(document, f"{minutes:g} min: CPU of the whole stack")
    of_check = seed != SEED
    name = "ingest_check" if of_check else f"ingest_{minutes:g}_min"
    cost = Cost(name, value, "core-s", what, seconds)
    return RunCosts(
        f"ingest {minutes:g} min, seed {seed}",
        command,
        _select_conditions(document),
        () if of_check else (cost,),
        (cost,) if of_check else (),
    )


def _extract_ratelimit(document: Document) -> RunCosts:
    value = _find_value(document, "Redis, 1000 at once, token_bucket: ours")
    what = "decisions of a token bucket on one Redis, a thousand callers at once"
    cost = Cost("redis_decisions_per_s", value, "decisions/s", what)
    command = "newsreel bench ratelimit --only redis-speed --json"
    return RunCosts("ratelimit", command, _select_conditions(document), (cost,))


def _extract_api(document: Document) -> RunCosts:
    value = _find_value(document, "uploads: 50 at once")
    what = "50 resumable uploads at once into one API, clients on the same machine"
    cost = Cost("upload_mib_per_s", value, "MiB/s", what)
    return RunCosts(
        "uploads", "newsreel bench api --only uploads --json", _select_conditions(document), (cost,)
    )


EXTRACTORS: dict[str, Callable[[Document], RunCosts]] = {
    "ingest": _extract_ingest,
    "ratelimit": _extract_ratelimit,
    "api": _extract_api,
}


def _find_value(document: Document, name: str) -> float:
    for figure in document["figures"]:
        if figure["name"] == name and figure["value"] is not None:
            return float(figure["value"])
    raise InputError(f"the document of bench {document['name']!r} has no figure {name!r}")


def _select_conditions(document: Document) -> dict[str, Any]:
    """Conditions without the memory of programs, which does not affect these figures."""
    return {name: value for name, value in document["conditions"].items() if name != "peak_mib_by_program"}
