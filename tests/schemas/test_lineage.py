"""Lineage: no table is derived from itself, every table has a source, and the picture shows all."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from schemas.derive.lineage import ORIGIN, RUNS, build_graph, render_mermaid, render_picture
from schemas.tables import LIVE_TABLES, TABLES

OF = build_graph(TABLES.values())


def test_every_table_comes_from_people_or_from_runs() -> None:
    for name in TABLES:
        seen, left = {name}, list(OF[name])
        while left:
            source = left.pop()
            assert source != name, f"{name} is made of itself"
            if source not in seen:
                seen.add(source)
                left += OF.get(source, ())
        assert seen & {ORIGIN, RUNS}
    assert all(OF[declared.name] == ("events",) for declared in LIVE_TABLES)


def test_what_a_table_is_made_of_is_a_table() -> None:
    assert {source for sources in OF.values() for source in sources} - set(TABLES) == {ORIGIN, RUNS}


def test_the_picture_has_every_table_and_every_step() -> None:
    drawn = ET.fromstring(render_picture(TABLES.values()))
    space = "{http://www.w3.org/2000/svg}"
    assert {text.text for text in drawn.iter(f"{space}text")} == {*TABLES, ORIGIN, RUNS}
    assert len(list(drawn.iter(f"{space}path"))) == sum(map(len, OF.values()))


def test_a_page_shows_the_way_to_its_table_and_on_from_it() -> None:
    shown = render_mermaid("activity", OF)
    for step in (
        "PostgreSQL[PostgreSQL] --> events[events]",
        "events[events] --> activity[activity]",
        "activity[activity] --> retention[retention]",
    ):
        assert shown.count(step) == 1
    assert "reactions" not in shown
