"""Beam elements of encoding: rungs of a chunk that share one decode, ordered so that workers finish together.

Decoding once for all rungs of a chunk saves most where decoding is expensive; but all of them are in memory at once, a
kill loses them together, and few large elements leave workers idle at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from pipelines.encoding.chunk import ChunkEncode
from pipelines.encoding.sound import SoundEncode

T = TypeVar("T")
Element = tuple[ChunkEncode, ...] | SoundEncode

SHARED_POINTS = 4_000_000
"""Most pixels per picture, summed over the rungs that share a decode: their encoders' memory grows with it. Enough for
a 720-line ladder of two codecs. A larger rung is an element of its own."""


def build_elements(tasks: Sequence[ChunkEncode | SoundEncode], workers: int) -> list[Element]:
    """Build the elements for `workers` that take them in turn: largest first, so that they finish together.

    The last chunks, one per worker, become one element per rung: small elements even out what the large ones leave.
    """
    chunks: dict[int, list[ChunkEncode]] = {}
    for task in tasks:
        if isinstance(task, ChunkEncode):
            chunks.setdefault(task.start, []).append(task)
    largest_first = sorted(chunks.values(), key=lambda chunk: estimate_work(tuple(chunk)), reverse=True)
    built: list[Element] = [task for task in tasks if isinstance(task, SoundEncode)]
    for number, chunk in enumerate(largest_first):
        shared = number < len(largest_first) - workers
        built += _group_rungs(chunk) if shared else [(task,) for task in chunk]
    return deal(sorted(built, key=estimate_work, reverse=True), workers)


def estimate_work(element: Element) -> float:
    """Estimated work of an element, on the scale of `ChunkEncode.work`."""
    if isinstance(element, SoundEncode):
        return element.work
    return element[0].decoding_work + sum(task.work for task in element)


def deal(largest_first: Sequence[T], workers: int) -> list[T]:
    """Order elements back and forth, so that workers that take every n-th, as Beam's do locally, get equal shares."""
    rounds = [largest_first[first : first + workers] for first in range(0, len(largest_first), workers)]
    return [one for turn, round_ in enumerate(rounds) for one in (round_[::-1] if turn % 2 else round_)]


def _group_rungs(chunk: Sequence[ChunkEncode]) -> list[tuple[ChunkEncode, ...]]:
    """Group a chunk's rungs, largest first, each into the first group that it does not make too large."""
    groups: list[list[ChunkEncode]] = []
    for task in sorted(chunk, key=lambda task: task.rung.points, reverse=True):
        for group in groups:
            if sum(one.rung.points for one in (*group, task)) <= SHARED_POINTS:
                group.append(task)
                break
        else:
            groups.append([task])
    return [tuple(group) for group in groups]
