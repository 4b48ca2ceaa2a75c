"""Demo users: a deterministic day, and the counters that follow from it."""

from __future__ import annotations

from newsreel.demo_crowd import VIEWERS, Action, build_actions, count_actions


def test_the_day_is_the_same_each_time_and_everybody_is_in_it() -> None:
    actions = build_actions()
    assert actions == build_actions()
    assert {action.viewer for action in actions} == set(range(len(VIEWERS)))
    assert {action.table for action in actions} == {"views", "reactions", "comments"}
    comments = [action.table == "comments" for action in actions]
    assert comments == sorted(comments), "comments come last: they show that the rest is done"


def test_counters_know_changes_of_mind_and_sessions_that_are_told_of_twice() -> None:
    def view(session: str) -> Action:
        return Action("views", 0, {"session_id": session, "watched_s": 1.0})

    def reaction(watcher: int, kind: str) -> Action:
        return Action("reactions", watcher, {"kind": kind})

    actions = [
        view("a"),
        view("a"),
        view("b"),
        reaction(0, "like"),
        reaction(1, "like"),
        reaction(0, "dislike"),
    ]
    assert count_actions(actions) == {"likes": 1, "dislikes": 1, "views": 2}
