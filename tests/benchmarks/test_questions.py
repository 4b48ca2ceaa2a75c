"""SQL bench on few events: both engines give the same results, and every query has its figures."""

from __future__ import annotations

from benchmarks.questions import QUESTIONS, run


def test_both_engines_answer_every_question_the_same() -> None:
    said: list[str] = []
    report = run(["--millions", "0.02", "--rounds", "1"], said.append)
    figures = {figure.name: figure.value for figure in report.figures}
    assert figures["events"] is not None
    assert figures["events"] > 20_000, "accounts and videos are events too"
    for name in QUESTIONS:
        assert (figures[f"{name}: ours"] or 0) > 0
    assert report.peer > 0
