"""The media store: whole or not there at all, named by content alone."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.errors import InputError, NotFoundError
from stores.media import MediaStore


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "media")


def test_a_source_is_found_by_its_digest_whatever_its_name(store: MediaStore, tmp_path: Path) -> None:
    path = tmp_path / "-a 'quoted'\nname.mp4"
    path.write_bytes(b"bytes")
    source = store.add_source(path)
    assert source.sha256 == hashlib.sha256(b"bytes").hexdigest()
    assert source.size_bytes == 5
    assert store.source_path(source.sha256).read_bytes() == b"bytes"
    assert store.add_source(path) == source


@pytest.mark.parametrize("missing", ["nowhere.mp4", "."])
def test_a_path_that_cannot_be_read_leaves_nothing(store: MediaStore, tmp_path: Path, missing: str) -> None:
    with pytest.raises(InputError):
        store.add_source(tmp_path / missing)
    assert [path for path in store.root.rglob("*") if path.is_file()] == []


def test_a_result_is_kept_only_if_its_block_ends_well(store: MediaStore) -> None:
    key = store.key({"settings": [1, "ü"], "chunk": 0})

    def half_way() -> None:
        with store.keep(key, ".mp4") as path:
            path.write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_way()
    assert store.cached(key, ".mp4") is None
    with store.keep(key, ".mp4") as path:
        path.write_bytes(b"whole")
    kept = store.cached(key, ".mp4")
    assert kept is not None
    assert kept.read_bytes() == b"whole"


def test_a_key_does_not_depend_on_the_order_of_its_inputs(store: MediaStore) -> None:
    assert store.key({"a": 1, "b": 2}) == store.key({"b": 2, "a": 1}) != store.key({"a": 1, "b": 3})


def test_a_package_published_twice_is_one(store: MediaStore) -> None:
    digests = []
    for _ in range(2):
        with store.staging() as folder:
            package = folder / "package"
            (package / "h264").mkdir(parents=True)
            (package / "h264" / "init.mp4").write_bytes(b"init")
            digests.append(store.publish_package(package))
    assert digests[0] == digests[1]
    assert (store.package_path(digests[0]) / "h264" / "init.mp4").read_bytes() == b"init"


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "a" * 64, "A" * 64, f"{'0' * 64}.jpg/.."])
def test_names_that_are_no_digests_are_not_found(store: MediaStore, name: str) -> None:
    for find in (store.package_path, store.source_path, store.thumbnail_path):
        with pytest.raises(NotFoundError):
            find(name)


def test_what_a_killed_process_left_is_removed_by_the_next(store: MediaStore) -> None:
    program = (
        "import os, pathlib, signal, sys; from stores.media import MediaStore\n"
        "with MediaStore(pathlib.Path(sys.argv[1])).keep('0' * 64) as path:\n"
        "    path.write_bytes(b'half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(store.root)], check=False, timeout=60)
    assert done.returncode == -9
    assert store.cached("0" * 64) is None
    with store.staging() as folder:
        assert [path.name for path in folder.parent.iterdir()] == [folder.name]
