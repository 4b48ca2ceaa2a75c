"""What one element of encoding is: rungs of a chunk that share one decoding of it, and the order of the elements.

Decoding once for all rungs saves most where decoding is dear; yet a kill loses what is in flight. So rungs share one
only as long as that is no more work than the largest of them is alone, or little more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from pipelines.encoding import ChunkEncode
from pipelines.sound import SoundEncode

T = TypeVar("T")
Element = tuple[ChunkEncode, ...] | SoundEncode

SHARED_MOST = 1.25
"""Most work of rungs that share a decoding, against that of the chunk's largest rung alone."""

FEWEST_A_WORKER = 2
"""Where there would be fewer elements a worker, rungs go apart: idle workers cost more than decoding again."""


def elements(tasks: Sequence[ChunkEncode | SoundEncode], workers: int) -> list[Element]:
    """The elements for `workers` that take turns: largest first, dealt out so that they end together."""
    chunks = [task for task in tasks if isinstance(task, ChunkEncode)]
    found: list[Element] = [task for task in tasks if isinstance(task, SoundEncode)]
    shared = _shared(chunks)
    found += shared if len(shared) >= FEWEST_A_WORKER * workers else [(task,) for task in chunks]
    return dealt(sorted(found, key=work, reverse=True), workers)


def work(element: Element) -> float:
    """About how much work an element is, on the scale of a chunk's on one rung."""
    if isinstance(element, SoundEncode):
        return element.work
    return element[0].decoding_work + sum(task.work for task in element)


def dealt(largest_first: Sequence[T], workers: int) -> list[T]:
    """An order, to and fro, in which workers that take every n-th each get about as much: Beam's do on this machine."""
    rounds = [largest_first[first : first + workers] for first in range(0, len(largest_first), workers)]
    return [one for turn, round_ in enumerate(rounds) for one in (round_[::-1] if turn % 2 else round_)]


def _shared(tasks: Sequence[ChunkEncode]) -> list[tuple[ChunkEncode, ...]]:
    """Each chunk's rungs put together, largest first, each where there is least work yet and it is not too much."""
    groups: dict[int, list[list[ChunkEncode]]] = {}
    for task in sorted(tasks, key=lambda task: task.work, reverse=True):
        of_chunk = groups.setdefault(task.start, [])
        most = SHARED_MOST * work((of_chunk[0][0],)) if of_chunk else 0.0
        fits = [group for group in of_chunk if work((*group, task)) <= most]
        if fits:
            min(fits, key=lambda group: work(tuple(group))).append(task)
        else:
            of_chunk.append([task])
    return [tuple(group) for of_chunk in groups.values() for group in of_chunk]
