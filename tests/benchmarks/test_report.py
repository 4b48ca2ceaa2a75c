"""Reports pass exactly if every figure is within its limit, and have all fields of interfaces.md."""

from __future__ import annotations

import json

import pytest

from benchmarks.machine import read_conditions
from benchmarks.report import Figure, Report


def report(*figures: Figure, peer: float = 4.0) -> Report:
    return Report("demo", 6.0, peer, "by hand", "s", figures, {"cores": 2}, {"JVM start": 1.23456})


def test_its_document_has_the_promised_keys() -> None:
    document = report(Figure("overhead", 12.3456, "s", limit=45, target=20)).as_dict()
    assert list(document)[:7] == ["name", "ours", "peer", "peer_name", "unit", "ratio", "passes"]
    assert (document["ratio"], document["passes"], document["conditions"]) == (1.5, True, {"cores": 2})
    assert document["breakdown"] == {"JVM start": 1.235}
    assert document["figures"] == [
        {
            "name": "overhead",
            "value": 12.346,
            "unit": "s",
            "limit": 45,
            "target": 20,
            "at_least": False,
            "passes": True,
        }
    ]
    assert json.loads(json.dumps(document)) == document


@pytest.mark.parametrize(
    ("figure", "passes"),
    [
        (Figure("a", 1.15, "x", limit=1.15), True),
        (Figure("a", 1.151, "x", limit=1.15), False),
        (Figure("a", 0.9, "x", limit=0.9, at_least=True), True),
        (Figure("a", 0.89, "x", limit=0.9, at_least=True), False),
        (Figure("a", 99.0, "s", target=20), True),
        (Figure("a", None, "s"), True),
        (Figure("a", None, "s", limit=1), False),
        (Figure("a", float("nan"), "s", limit=1), False),
    ],
)
def test_a_limit_is_kept_or_not(figure: Figure, passes: bool) -> None:
    assert figure.passes is passes
    assert report(Figure("b", 1.0, "s", limit=2), figure).passes is passes


def test_a_peer_that_took_nothing_gives_no_ratio() -> None:
    assert report(peer=0.0).as_dict()["ratio"] is None


def test_conditions_say_where_and_with_what() -> None:
    found = read_conditions(minutes=[1.0])
    assert {"at", "processor", "cores", "memory_gib", "load_before", "system", "versions"} <= set(found)
    assert found["minutes"] == [1.0]
    assert found["versions"]["ffmpeg"].startswith("ffmpeg version")
