"""What one element of encoding is: rungs of a chunk that share one decoding of it, and the order of the elements.

Decoding once for all rungs of a chunk saves most where decoding is dear; but all of them are in memory at once, a kill
loses them together, and few large elements leave workers idle at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from pipelines.encoding.chunk import ChunkEncode
from pipelines.encoding.sound import SoundEncode

T = TypeVar("T")
Element = tuple[ChunkEncode, ...] | SoundEncode

SHARED_POINTS = 4_000_000
"""Most points a picture of rungs that share a decoding, as their encoders' memory grows with them: all of a 720-line
ladder of two codecs. A larger rung goes alone."""


def build_elements(tasks: Sequence[ChunkEncode | SoundEncode], workers: int) -> list[Element]:
    """The elements for `workers` that take turns: largest first, dealt out so that they end together.

    The last chunks, one a worker, are encoded rung by rung: small elements fill up what the large ones leave.
    """
    chunks: dict[int, list[ChunkEncode]] = {}
    for task in tasks:
        if isinstance(task, ChunkEncode):
            chunks.setdefault(task.start, []).append(task)
    largest_first = sorted(chunks.values(), key=lambda chunk: estimate_work(tuple(chunk)), reverse=True)
    found: list[Element] = [task for task in tasks if isinstance(task, SoundEncode)]
    for number, chunk in enumerate(largest_first):
        whole = number < len(largest_first) - workers
        found += _group_rungs(chunk) if whole else [(task,) for task in chunk]
    return deal(sorted(found, key=estimate_work, reverse=True), workers)


def estimate_work(element: Element) -> float:
    """About how much work an element is, on the scale of a chunk's on one rung."""
    if isinstance(element, SoundEncode):
        return element.work
    return element[0].decoding_work + sum(task.work for task in element)


def deal(largest_first: Sequence[T], workers: int) -> list[T]:
    """An order, to and fro, in which workers that take every n-th each get about as much: Beam's do on this machine."""
    rounds = [largest_first[first : first + workers] for first in range(0, len(largest_first), workers)]
    return [one for turn, round_ in enumerate(rounds) for one in (round_[::-1] if turn % 2 else round_)]


def _group_rungs(chunk: Sequence[ChunkEncode]) -> list[tuple[ChunkEncode, ...]]:
    """A chunk's rungs put together, largest first, each with the first that it does not make too large."""
    groups: list[list[ChunkEncode]] = []
    for task in sorted(chunk, key=lambda task: task.rung.points, reverse=True):
        for group in groups:
            if sum(one.rung.points for one in (*group, task)) <= SHARED_POINTS:
                group.append(task)
                break
        else:
            groups.append([task])
    return [tuple(group) for group in groups]
