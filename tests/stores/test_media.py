"""Media store: entries are complete or absent, and named by content alone."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from schemas.errors import InputError, NotFoundError, StorageError
from stores import media
from stores.media import READ_BYTES, MediaStore


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


def test_a_pipe_is_refused_without_waiting_for_it(store: MediaStore, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(InputError, match="not a regular file"):
        store.add_source(tmp_path / "pipe.mp4")


@pytest.mark.parametrize("change", ["grows", "shrinks", "is written over"])
def test_a_file_that_changes_while_it_is_read_is_refused(
    store: MediaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    path = tmp_path / "changing.mp4"
    path.write_bytes(bytes(3 * READ_BYTES))
    really_read = media._read

    def read(incoming: IO[bytes], of: Path) -> bytes:
        if incoming.tell() == READ_BYTES:
            with path.open("r+b") as writing:
                if change == "grows":
                    writing.seek(0, os.SEEK_END)
                    writing.write(b"more")
                elif change == "shrinks":
                    writing.truncate(READ_BYTES + 5)
                else:
                    writing.write(b"other")
        return really_read(incoming, of)

    monkeypatch.setattr(media, "_read", read)
    with pytest.raises(InputError, match="changed while it was read"):
        store.add_source(path)
    assert [path for path in store.root.rglob("*") if path.is_file()] == []


def test_a_file_that_disappears_while_it_is_read_is_whole_or_refused(
    store: MediaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "vanishing.mp4"
    path.write_bytes(b"bytes")
    really_read = media._read

    def read(incoming: IO[bytes], of: Path) -> bytes:
        path.unlink(missing_ok=True)
        return really_read(incoming, of)

    monkeypatch.setattr(media, "_read", read)
    assert store.add_source(path).path.read_bytes() == b"bytes"


def test_a_file_whose_server_is_gone_is_refused_in_words(tmp_path: Path) -> None:
    class Gone(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    with pytest.raises(InputError, match="reading failed: Stale file handle"):
        media._read(Gone(), tmp_path / "gone.mp4")


def test_a_full_disk_says_where_it_is(store: MediaStore) -> None:
    with pytest.raises(OSError, match="No space left") as refused, store.staging():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert str(store.root) in StorageError.from_os_error(refused.value).detail
    assert list((store.root / "staging").iterdir()) == []


def test_a_result_is_kept_only_if_its_block_ends_well(store: MediaStore) -> None:
    key = store.key({"settings": [1, "ü"], "chunk": 0})

    def half_way() -> None:
        with store.keep(key, ".mp4") as path:
            path.write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_way()
    assert store.find_result(key, ".mp4") is None
    with store.keep(key, ".mp4") as path:
        path.write_bytes(b"whole")
    kept = store.find_result(key, ".mp4")
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
    done = subprocess.run([sys.executable, "-c", program, str(store.root)], check=False, timeout=600)
    assert done.returncode == -9
    assert store.find_result("0" * 64) is None
    with store.staging() as folder:
        assert [path.name for path in folder.parent.iterdir()] == [folder.name]
