"""Perceptual hash of one picture, 256 bits, with a quality that says how much it can be trusted.

PDQ ("The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm", Facebook 2019): the 16 x 16 lowest
frequencies of a 64 x 64 luma picture, without the constant ones, each a bit: above the median or not. Here ffmpeg
averages areas where PDQ uses Jarosz filters, so these hashes compare with each other only, not with other programs'.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIDE = 64
FRAME_BYTES = SIDE * SIDE
HASH_BYTES = 32
SAMPLES_PER_S = 4
"""Pictures hashed per second of presentation time."""

_KEPT = 16
_ROWS = np.arange(1, _KEPT + 1).reshape(-1, 1)
_COLUMNS = np.arange(SIDE).reshape(1, -1)
_DCT = np.sqrt(2 / SIDE) * np.cos(np.pi / (2 * SIDE) * _ROWS * (2 * _COLUMNS + 1))
"""Rows 1 to 16 of the DCT-II matrix of size 64."""

_QUALITY_DIVISOR = 90
"""As in PDQ: the sum of gradients at which a picture counts as fully detailed, over 100."""


def hash_picture(frame: bytes) -> tuple[bytes, int]:
    """Hash (32 bytes) and quality (0 to 100, flat pictures low) of one 64 x 64 grey picture of 8 bits."""
    luma = np.frombuffer(frame, dtype=np.uint8).reshape(SIDE, SIDE).astype(np.float64)
    frequencies = np.round(_DCT @ luma @ _DCT.T, 6)
    bits = frequencies > np.median(frequencies)
    return np.packbits(bits).tobytes(), _measure_quality(luma)


def _measure_quality(luma: NDArray[np.float64]) -> int:
    steps = sum(float(np.abs(np.trunc(np.diff(luma, axis=axis) * 100 / 255)).sum()) for axis in (0, 1))
    return min(100, int(steps / _QUALITY_DIVISOR))


def count_different_bits(one: bytes, other: bytes) -> int:
    """Hamming distance, 0 to 256; unrelated pictures differ in about 128, PDQ's own threshold for a match is 31."""
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()
