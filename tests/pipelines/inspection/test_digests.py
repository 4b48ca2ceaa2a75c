"""Digests: every changed byte is found and located once; an unchanged file has no difference."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.inspection import digests
from pipelines.inspection.digests import digest_file, find_differences, read_manifest, write_manifest
from pipelines.inspection.inspection import inspect_file
from pipelines.inspection.located_faults import locate_faults
from pipelines.source import faults
from pipelines.source.faults import Fault
from schemas.errors import InputError
from tests.pipelines.conftest import Footage

pytestmark = pytest.mark.usefixtures("home")


@pytest.mark.parametrize("size", [0, 1, digests.CHUNK_BYTES, digests.CHUNK_BYTES + 1])
def test_a_manifest_records_any_file_and_comes_back_as_it_was(tmp_path: Path, size: int) -> None:
    content = random.Random(1).randbytes(size)
    path = write_file(tmp_path, content)
    manifest = digest_file(path)
    document = manifest.as_document()
    assert document["file"] == str(path)
    assert (document["size_bytes"], document["sha256"]) == (size, hashlib.sha256(content).hexdigest())
    parts = [content[at : at + document["chunk_bytes"]] for at in range(0, size, document["chunk_bytes"])]
    assert document["digests"] == [hashlib.sha256(part).hexdigest() for part in parts]
    assert document["chunk_bytes"] <= 1 << 20
    write_manifest(tmp_path / "manifest", manifest)
    assert read_manifest(tmp_path / "manifest") == manifest
    assert find_differences(path, manifest) == ()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(min_size=1, max_size=64), chunk=st.integers(1, 20), data=st.data())
def test_all_damage_is_found_near_where_it_is(
    tmp_path: Path, content: bytes, chunk: int, data: st.DataObject
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digests, "CHUNK_BYTES", chunk)
        recorded = digest_file(write_file(tmp_path, content))
    flips = data.draw(st.sets(st.integers(0, 8 * len(content) - 1), max_size=3))
    changed = bytearray(content)
    for flip in flips:
        changed[flip // 8] ^= 1 << flip % 8
    length = data.draw(st.integers(0, 80))
    changed = changed[:length] + bytes(max(0, length - len(changed)))
    damaged = {at for at in range(len(content)) if at >= length or changed[at] != content[at]}
    found = find_differences(write_file(tmp_path, bytes(changed)), recorded)
    covered = {at for one in found for at in range(one.byte_start, one.byte_end)}
    assert damaged <= covered
    near = damaged | ({len(content)} if length > len(content) else set())
    assert bool(found) == bool(near)
    for one in found:
        assert 0 <= one.byte_start < one.byte_end <= len(content)
        assert any(abs(one.byte_start - at) <= chunk for at in near)
        assert any(abs(one.byte_end - at) <= chunk for at in near)


SOUND: dict[str, Any] = {
    "file": "f", "size_bytes": 5, "sha256": "0" * 64, "chunk_bytes": 4, "digests": ["0" * 64, "0" * 64],
}  # fmt: skip


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"size_bytes": -1}, "size_bytes = -1 is not a size"),
        ({"size_bytes": True}, "size_bytes = true is not a size"),
        ({"chunk_bytes": 0}, "chunk_bytes = 0 is not 1 to 1048576"),
        ({"chunk_bytes": (1 << 20) + 1}, "is not 1 to 1048576"),
        ({"chunk_bytes": 4.0}, "is not 1 to 1048576"),
        ({"sha256": "0" * 63}, "sha256 is not 64 hex digits"),
        ({"digests": "0" * 64}, "digests is not a list"),
        ({"digests": ["0" * 64, "z" * 64]}, r"digests\[1\] is not 64 hex digits"),
        ({"digests": ["0" * 64]}, "5 bytes in chunks of 4 need 2 digests, not 1"),
    ],
)
def test_what_is_no_manifest_says_why(tmp_path: Path, more: dict[str, Any], why: str) -> None:
    with pytest.raises(InputError, match=why):
        read_manifest(write_file(tmp_path, json.dumps({**SOUND, **more}).encode()))


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b"not JSON"])
def test_what_is_no_json_object_is_no_manifest(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InputError, match="not a manifest of `newsreel digest`"):
        read_manifest(write_file(tmp_path, content))


def test_a_manifest_that_contradicts_itself_is_refused(tmp_path: Path) -> None:
    path = write_file(tmp_path, b"hello")
    document = {**digest_file(path).as_document(), "sha256": "0" * 64}
    with pytest.raises(InputError, match="contradicts itself"):
        find_differences(path, read_manifest(write_file(tmp_path, json.dumps(document).encode(), "manifest")))


def test_without_a_difference_faults_get_a_place_inside_the_recorded_file(tmp_path: Path) -> None:
    recorded = digest_file(write_file(tmp_path, bytes(100)))
    found = [Fault(faults.NOT_A_VIDEO, "-"), Fault(faults.TRUNCATED, "-", byte_start=90, byte_end=500)]
    assert [(one.byte_start, one.byte_end) for one in locate_faults(found, (), recorded, None)] == [
        (0, 100),
        (90, 100),
    ]


def flip_bit(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


Damage = Callable[[bytes], bytes]
DAMAGES: dict[str, tuple[Damage, str, bool]] = {
    "padding": (lambda whole: flip_bit(whole, whole.index(b"free") + 8), "changed_bytes", False),
    "index": (lambda whole: flip_bit(whole, whole.index(b"stco") + 20), "changed_bytes", False),
    "picture": (lambda whole: flip_bit(whole, whole.index(b"mdat") + 60_000), "changed_bytes", True),
    "beginning": (lambda whole: bytes(5_000) + whole[5_000:], "changed_bytes", False),
    "cut off": (lambda whole: whole[: len(whole) // 2], "truncated", True),
    "emptied": (lambda _whole: b"", "truncated", False),
    "appended": (lambda whole: whole + b"more", "extra_bytes", False),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_rejected_with_the_place_of_its_damage(
    footage: Footage, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "CHUNK_BYTES", 16 << 10)
    damage, kind, shown = DAMAGES[name]
    path = footage("moov-first.mp4" if name == "cut off" else "padded.mp4")
    whole = path.read_bytes()
    write_manifest(tmp_path / "manifest", digest_file(path))
    content = damage(whole)
    report = inspect_file(write_file(tmp_path, content, "elsewhere.mp4"), manifest=tmp_path / "manifest")
    assert report["verdict"] == "reject"
    [fault] = report["faults"]
    assert (fault["kind"], fault["severity"], fault["repairable"]) == (kind, "fatal", True)
    assert 0 <= fault["byte_start"] < fault["byte_end"] <= len(whole)
    pairs = zip(content[: len(whole)], whole[: len(content)], strict=True)
    hit = [at for at, (now, then) in enumerate(pairs) if now != then] or [min(len(content), len(whole))]
    assert fault["byte_start"] <= hit[0] <= fault["byte_end"]
    assert not shown or 0 <= fault["start_s"] < fault["end_s"]


def test_an_undamaged_copy_is_accepted_under_any_name(clip: Path, tmp_path: Path) -> None:
    write_manifest(tmp_path / "manifest", digest_file(clip))
    copy = write_file(tmp_path, clip.read_bytes(), "another name.bin")
    assert inspect_file(copy, manifest=tmp_path / "manifest")["faults"] == []


def test_workers_change_nothing(clip: Path, tmp_path: Path) -> None:
    write_manifest(tmp_path / "manifest", digest_file(clip))
    content = bytearray(clip.read_bytes())
    for at in (100_000, 900_000, 1_900_000):
        content[at : at + 400] = bytes(400)
    path = write_file(tmp_path, bytes(content))
    one, three = (inspect_file(path, workers=workers, manifest=tmp_path / "manifest") for workers in (1, 3))
    assert [{**fault, "detail": ""} for fault in one["faults"]] == [
        {**fault, "detail": ""} for fault in three["faults"]
    ]
    assert [fault["kind"] for fault in one["faults"]] == ["changed_bytes"] * 3
    assert all(fault["end_s"] > fault["start_s"] for fault in one["faults"])


def write_file(folder: Path, content: bytes, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path
