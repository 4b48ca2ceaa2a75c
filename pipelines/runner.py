"""Beam runner of stages: pipeline options, the composite transform, and results returned to the driver.

`DirectRunner` would look for Prism and fall back, so the portable in-process runner with threads is named explicitly.
Threads are enough, because ffmpeg does the work in processes of its own.
"""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.progress import OnProgress, open_ticket
from schemas.errors import MediaToolError, NewsreelError
from schemas.settings import settings
from stores.files import write_atomically
from stores.media import media

_before = logging.root.manager.disable
logging.disable(logging.WARNING)  # on import, Beam warns about Google packages that are not used here
import apache_beam as beam  # noqa: E402
from apache_beam.options.pipeline_options import PipelineOptions  # noqa: E402

logging.disable(_before)

IN_PROCESS = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
DIRECT_NAMES = ("DirectRunner", "direct", IN_PROCESS)
FAILED = "failed"


class Stage(beam.PTransform):
    """Composite transform over elements: spreads them over the workers, calls `work` on each, separates failures.

    Subclasses implement `work(element) -> result`, which may raise a NewsreelError. Gives two collections: results by
    element number, and reasons of failed elements by element number.
    """

    done_label = "Work"

    def __init__(self, ticket: str) -> None:
        super().__init__()
        self.ticket = ticket

    def work(self, element: Any) -> Any:
        """Process one element; returns its result."""
        raise NotImplementedError

    def expand(self, elements: Any) -> Any:
        """Apply the transform to numbered elements; gives numbered results and failures."""
        return (
            elements
            | "Spread over workers" >> beam.Reshuffle()
            | self.done_label >> beam.ParDo(_Work(self.work, self.ticket)).with_outputs(FAILED, main="done")
        )


class _Work(beam.DoFn):
    def __init__(self, work: Any, ticket: str) -> None:
        self._work, self._ticket = work, ticket

    def process(self, element: tuple[int, Any]) -> Any:
        from pipelines.progress import advance

        number, item = element
        try:
            yield number, self._work(item)
        except NewsreelError as error:
            yield beam.pvalue.TaggedOutput(FAILED, (number, error.detail))
        advance(self._ticket)


class _WriteResult(beam.DoFn):
    """Writes one file per element, atomically: a retried element overwrites its own file."""

    def __init__(self, folder: str, suffix: str) -> None:
        self._folder, self._suffix = Path(folder), suffix

    def process(self, element: tuple[int, Any]) -> Any:
        number, result = element
        write_atomically(self._folder / f"{number}.{self._suffix}", pickle.dumps(result))
        return ()


def run_stage(
    stage: type[Stage],
    elements: Sequence[Any],
    *,
    label: str,
    workers: int | None = None,
    engine_options: Sequence[str] = (),
    on_progress: OnProgress | None = None,
) -> list[Any]:
    """Run a stage over elements; returns one result per element, in their order.

    Raises MediaToolError with the first failed elements; results that the others cached stay cached.
    """
    if not elements:
        return []
    with media().staging() as folder, open_ticket(on_progress, len(elements), label) as ticket:
        options, runner = build_pipeline_options(workers or os.cpu_count() or 1, engine_options)
        with beam.Pipeline(runner=runner, options=options) as pipeline:
            outputs = (
                pipeline
                | "Elements" >> beam.Create(list(enumerate(elements)), reshuffle=False)
                | label >> stage(ticket)
            )
            outputs.done | "Keep results" >> beam.ParDo(_WriteResult(str(folder), "done"))
            outputs[FAILED] | "Keep failures" >> beam.ParDo(_WriteResult(str(folder), FAILED))
        failed = {int(path.stem): _read(path) for path in folder.glob(f"[0-9]*.{FAILED}")}
        if failed:
            details = "; ".join(f"{number}: {failed[number]}" for number in sorted(failed)[:3])
            raise MediaToolError(f"{label}: {len(failed)} of {len(elements)} pieces failed: {details}")
        return [_read(folder / f"{number}.done") for number in range(len(elements))]


def _read(path: Path) -> Any:
    return pickle.loads(path.read_bytes())  # noqa: S301 - our own workers wrote it, in our private folder


def build_pipeline_options(workers: int, engine_options: Sequence[str] = ()) -> tuple[PipelineOptions, str]:
    """Build Beam's options and choose the runner, from the settings, a program's engine options and `workers`.

    `workers` applies to the local runner only; a remote engine has its own options.
    """
    given = [*settings().beam_arguments, *engine_options]
    options = PipelineOptions(given)
    runner = options.get_all_options(drop_default=True).get("runner") or settings().beam_runner
    if runner not in DIRECT_NAMES:
        return options, str(runner)
    kept = [option for option in given if not option.startswith("--runner")]
    local = ["--direct_running_mode=multi_threading", f"--direct_num_workers={workers}"]
    return PipelineOptions([*local, *kept]), IN_PROCESS
