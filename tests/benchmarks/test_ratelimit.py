"""Rate limit bench: the oracle against hand-computed decisions, edge cases of the histories, every part once, tiny."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.ratelimit import bench, clock_skew, held_clock, picture
from benchmarks.ratelimit.exactness import Comparison, compare
from benchmarks.ratelimit.histories import Event, World, generate_histories
from benchmarks.ratelimit.oracle import NEVER, ORACLES, Answer, Terms
from benchmarks.ratelimit.peers import Quota, build_memory_askers
from benchmarks.ratelimit.rounds import Rates, run_rounds
from benchmarks.report import Report
from schemas.errors import DependencyError, InputError
from streaming.ratelimit import Decision, TokenBucket

SECOND = 10**6
BUCKET = Terms(Fraction(2), Fraction(1, SECOND), Fraction(0))  # two units, one a second
WINDOW = Terms(Fraction(2), Fraction(0), Fraction(10 * SECOND))  # two units in ten seconds
THIRD = Terms(Fraction(1), Fraction(1, 3 * SECOND), Fraction(0))  # one unit, a third a second

SAID: list[str] = []
"""Sink of progress messages."""

Step = tuple[float, Terms, float, tuple[bool, int, float, float, float]]
"""Seconds, limit, cost; allowed, remaining, wait, retry after, reset after."""

BY_HAND: dict[str, Sequence[Step]] = {
    "token_bucket": [
        (100, BUCKET, 1.5, (True, 0, 0, 0, 1.5)),
        (100, BUCKET, 1, (False, 0, 0, 0.5, 1.5)),
        (100.25, BUCKET, 3, (False, 0, 0, NEVER, 1.25)),
        (100.499999, BUCKET, 1, (False, 0, 0, 0.000001, 1.000001)),
        (100.5, BUCKET, 1, (True, 0, 0, 0, 2)),
        (99, BUCKET, 1, (False, 0, 0, 1, 2)),  # the clock stands still
        (101.5, BUCKET, 0.000001, (True, 0, 0, 0, 1.000001)),
    ],
    "leaking_bucket": [
        (100, BUCKET, 1, (True, 1, 0, 0, 1)),
        (100.25, BUCKET, 1, (True, 0, 0.75, 0, 1.75)),
        (100.25, BUCKET, 1, (False, 0, 0, 0.75, 1.75)),
        (101, BUCKET, 1, (True, 0, 1, 0, 2)),
    ],
    "fixed_window": [
        (109, WINDOW, 2, (True, 0, 0, 0, 1)),
        (109.5, WINDOW, 1, (False, 0, 0, 0.5, 0.5)),
        (110, WINDOW, 3, (False, 2, 0, NEVER, 0)),
        (110, WINDOW, 1, (True, 1, 0, 0, 10)),
    ],
    "sliding_window_log": [
        (109, WINDOW, 1, (True, 1, 0, 0, 10)),
        (112, WINDOW, 1, (True, 0, 0, 0, 10)),
        (113, WINDOW, 2, (False, 0, 0, 9, 9)),
        (118.999999, WINDOW, 1, (False, 0, 0, 0.000001, 3.000001)),
        (119, WINDOW, 1, (True, 0, 0, 0, 10)),
    ],
    "sliding_window_counter": [
        (109, WINDOW, 2, (True, 0, 0, 0, 11)),
        (109, WINDOW, 1, (False, 0, 0, 6, 11)),  # at 115 half of the window is in view
        (112.5, WINDOW, 1, (False, 0, 0, 2.5, 7.5)),
        (115, WINDOW, 1, (True, 0, 0, 0, 15)),
        (120, WINDOW, 1, (True, 0, 0, 0, 20)),
    ],
}


@pytest.mark.parametrize("kind", ORACLES)
def test_the_oracle_says_what_is_reckoned_by_hand(kind: str) -> None:
    oracle = ORACLES[kind]()
    for now_s, terms, cost, wanted in BY_HAND[kind]:
        assert oracle.ask(round(now_s * SECOND), terms, Fraction(str(cost))) == Answer(*wanted), now_s


def test_the_oracle_knows_a_third_and_rounds_a_wait_up() -> None:
    oracle = ORACLES["token_bucket"]()
    oracle.ask(0, THIRD, Fraction(1))
    assert oracle.ask(1, THIRD, Fraction(1)).retry_after_s == 2.999999
    assert (
        oracle.ask(2, Terms(Fraction(1), Fraction(2, 3), Fraction(0)), Fraction(1)).retry_after_s == 0.000001
    )


def test_the_oracle_holds_to_a_reset_under_another_limit() -> None:
    oracle = ORACLES["token_bucket"]()
    reset_s = oracle.ask(0, BUCKET, Fraction(2)).reset_after_s
    assert oracle.ask(round(reset_s * SECOND), THIRD, Fraction(1)).allowed


def test_histories_are_the_same_again_and_meet_the_edges() -> None:
    def draw() -> list[tuple[int, Event]]:
        return [
            (now_us, event)
            for _, now_us, events in generate_histories("sliding_window_counter", 1, 5000, 64, "always")
            for event in events
        ]

    found = draw()
    assert found == draw()
    assert len(found) == 5000
    answers = [event.answer for _, event in found]
    assert any(answer.retry_after_s == NEVER for answer in answers)
    assert 0.2 < sum(answer.allowed for answer in answers) / len(found) < 0.8
    assert sum(event.early for _, event in found) > 10
    assert any(later < earlier for (earlier, _), (later, _) in pairwise(found))


def test_a_clock_that_may_not_go_back_does_not() -> None:
    world = World("token_bucket", random.Random(1), 0, "never")
    times = [world.now_us for _ in range(500) if world.step(4)]
    assert times == sorted(times)


def test_what_differs_is_counted_and_described() -> None:
    found = Comparison("token_bucket", "memory")
    event = Event("key", TokenBucket(1, 1), 1, Answer(False, 0, 0.0, 1.0, 1.0), early=True)
    found.add(5, event, Decision(False, 0, 0.0, 1.0, 1.0))
    assert (found.mismatches, found.early_allowed) == (0, 0)
    found.add(5, event, Decision(True, 0, 0.0, 0.0, 1.0))
    assert (found.events, found.mismatches, found.early, found.early_allowed) == (2, 1, 2, 1)
    assert "key at 5 us" in found.described[0]


@pytest.mark.parametrize("kind", ["fixed_window", "sliding_window_log", "sliding_window_counter"])
def test_windows_answer_as_exact_arithmetic_in_memory(kind: str) -> None:
    found = compare("memory", kind, 3000, 7)
    assert (found.events, found.mismatches, found.described) == (3000, 0, [])


@pytest.mark.parametrize("kind", ORACLES)
def test_every_contestant_allows_what_the_quota_has(kind: str) -> None:
    for name, ask in build_memory_askers(Quota(kind, 5, 86_400)).items():
        assert ask(["one"] * 8 + ["other"] * 3) == 8, name


def test_rounds_are_compared_with_each_other() -> None:
    rates = Rates({"ours": [10, 40, 60], "slow": [1, 10, 10], "quick": [5, 10, 40]})
    assert (rates.rate("ours"), rates.ratio("ours", "slow"), rates.ratio("ours", "quick")) == (40, 6, 2)
    assert rates.best("ours") == "quick"


def test_contestants_take_turns_and_the_first_round_does_not_count() -> None:
    turns: list[str] = []

    def contestant(name: str) -> Callable[[int], int]:
        def turn(_: int) -> int:
            turns.append(name)
            return 7

        return turn

    found = run_rounds({name: contestant(name) for name in "ab"}, 2)
    assert turns == ["a", "b", "b", "a", "a", "b"]
    assert [len(rates) for rates in found.by_name.values()] == [2, 2]


def test_without_libfaketime_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_clock, "FOLDERS", ())
    with pytest.raises(DependencyError, match="apt-get install libfaketime"):
        bench.run(["--only", "exactness"], SAID.append)


def test_a_part_that_is_none_is_wrong_use() -> None:
    with pytest.raises(InputError, match="unknown part 'everything'; choose from exactness"):
        bench.run(["--only", "everything"], SAID.append)


@pytest.fixture(scope="module")
def report() -> Iterator[Report]:
    """All parts, as small as they go."""
    try:
        held_clock.build_environment()
    except DependencyError as error:
        pytest.skip(str(error))
    tiny = (
        "--events 300 --redis-events 100 --trials 30 --redis-trials 5 --requests 100 --rounds 1 --entries 100 "
        "--seconds 0.2"
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(clock_skew, "PROCESSES", 2)
        yield bench.run(tiny.split(), SAID.append)


def test_the_report_has_all_figures_of_the_issue(report: Report) -> None:
    at_most = {one.name: one.limit for one in report.figures if one.limit is not None and not one.at_least}
    at_least = {one.name: one.limit for one in report.figures if one.limit is not None and one.at_least}
    wanted = {
        "allowed 1 us before retry_after_s": 0,
        "scripts that Redis ran meanwhile": 0,
        "a log of 100 entries in Redis": 100,
        "a key in Redis, sliding_window_counter": 200,
        "refused again after retry_after_s, of 30, memory": 0,
        "silent server: longest wait, blocking": 50,
        "silent server: longest wait, 100 at once": 50,
        "refused again after retry_after_s, of 5, Redis": 0,
    }
    for kind in ORACLES:
        wanted[f"{kind} in memory, 300 events: mismatches"] = 0
        wanted[f"{kind} on Redis, 100 events: mismatches"] = 0
        wanted[f"2 processes, clocks 60 s apart, {kind}: over-admission"] = 0
    assert at_most == wanted
    assert at_least == {
        **{f"memory, {kind}: least ratio to the best peer": 2 for kind in ORACLES},
        "Redis, blocking: least ratio to a script that does nothing": 0.9,
        "Redis, 1000 at once: least of rate / 40000 or share of the ceiling / 0.6": 1,
        "refusals from memory": 300_000,
    }
    assert (report.unit, report.conditions["seed"]) == ("decisions/s", 1)


def test_what_does_not_depend_on_the_machine_passes(report: Report) -> None:
    timed = ("x", "ms", "decisions/s")
    exact = [one for one in report.figures if one.limit is not None and one.unit not in timed]
    assert [one.name for one in exact if not one.passes] == []
    by_name = {figure.name: figure.value for figure in report.figures}
    assert by_name["2 processes, clocks 60 s apart, token_bucket: admitted of what may be"] is not None


def test_the_picture_is_the_same_every_time_and_shows_what_its_page_says(tmp_path: Path) -> None:
    most = {}
    for name, limit, _ in picture.ROWS:
        row = picture.admit(limit, picture.build_arrivals())
        most[name] = max(row.count_in_window(now) for now in row.acts)
    assert most == {
        "Token bucket": 17,
        "Leaking bucket": 10,
        "Fixed window": 20,
        "Sliding window log": 10,
        "Sliding window counter": 13,
    }
    for name in ("one.svg", "two.svg"):
        picture.draw(str(tmp_path / name))
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
