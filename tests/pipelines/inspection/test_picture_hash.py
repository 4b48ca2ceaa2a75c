"""Picture hash: similar for similar pictures, different for others; flat pictures have low quality."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.inspection.picture_hash import (
    FRAME_BYTES,
    HASH_BYTES,
    SIDE,
    count_different_bits,
    hash_picture,
)


def scene(seed: int) -> np.ndarray:
    """A smooth picture with some structure, as real ones are."""
    coarse = np.random.default_rng(seed).uniform(0, 255, (9, 9))
    at = np.linspace(0, 8, SIDE)
    rows = np.array([np.interp(at, range(9), row) for row in coarse])
    return np.array([np.interp(at, range(9), column) for column in rows.T]).T


def frame(picture: np.ndarray) -> bytes:
    return np.clip(np.round(picture), 0, 255).astype(np.uint8).tobytes()


@given(st.integers(0, 10_000))
def test_noise_and_brightness_change_few_bits(seed: int) -> None:
    picture = scene(seed)
    noise = np.random.default_rng(seed + 1).normal(0, 2, picture.shape)
    one, _ = hash_picture(frame(picture * 0.8 + 20))
    other, _ = hash_picture(frame((picture + noise) * 0.8 + 25))
    assert len(one) == HASH_BYTES
    assert count_different_bits(one, other) <= 64


def test_unlike_pictures_differ_in_about_half_of_the_bits() -> None:
    hashes = [hash_picture(frame(scene(seed)))[0] for seed in range(40)]
    apart = [
        count_different_bits(one, other) for number, one in enumerate(hashes) for other in hashes[:number]
    ]
    assert min(apart) > 70
    assert np.mean(apart) == pytest.approx(128, abs=8)


@pytest.mark.parametrize("level", [0, 16, 128, 255])
def test_a_flat_picture_has_no_quality(level: int) -> None:
    assert hash_picture(bytes([level]) * FRAME_BYTES)[1] == 0


def test_a_detailed_picture_has_full_quality() -> None:
    assert (
        hash_picture(np.random.default_rng(1).integers(0, 255, FRAME_BYTES, dtype=np.uint8).tobytes())[1]
        == 100
    )
