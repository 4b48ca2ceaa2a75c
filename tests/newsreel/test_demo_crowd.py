"""The demo's people have the same day each time, and it says what the counters come to."""

from __future__ import annotations

from newsreel.demo_crowd import WATCHERS, Act, counters_of, made_acts


def test_the_day_is_the_same_each_time_and_everybody_is_in_it() -> None:
    acts = made_acts()
    assert acts == made_acts()
    assert {act.watcher for act in acts} == set(range(len(WATCHERS)))
    assert {act.table for act in acts} == {"views", "reactions", "comments"}
    said = [act.table == "comments" for act in acts]
    assert said == sorted(said), "what is said last shows that all is done"


def test_counters_know_changes_of_mind_and_sessions_that_are_told_of_twice() -> None:
    def view(session: str) -> Act:
        return Act("views", 0, {"session_id": session, "watched_s": 1.0})

    def reaction(watcher: int, kind: str) -> Act:
        return Act("reactions", watcher, {"kind": kind})

    acts = [view("a"), view("a"), view("b"), reaction(0, "like"), reaction(1, "like"), reaction(0, "dislike")]
    assert counters_of(acts) == {"likes": 1, "dislikes": 1, "views": 2}
