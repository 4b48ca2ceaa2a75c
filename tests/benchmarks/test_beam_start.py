"""Start-up time of a Beam stage without work: one number on stdout, as the demo bench parses it."""

from __future__ import annotations

import pytest

from benchmarks.beam_start import main


@pytest.mark.usefixtures("home")
def test_an_empty_stage_is_timed(capsys: pytest.CaptureFixture[str]) -> None:
    main()
    assert 0 < float(capsys.readouterr().out.split()[-1]) < 60
