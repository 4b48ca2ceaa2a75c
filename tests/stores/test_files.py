"""Atomic replacement and file locks: the whole new content or the old one, and one holder at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stores.files import PRIVATE, acquire_file_lock, atomic_replacement, file_lock, write_atomically


def fail_while_writing(path: Path) -> None:
    with atomic_replacement(path) as draft:
        draft.write_text("half")
        raise RuntimeError


def test_a_file_is_replaced_as_a_whole_or_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_atomically(path, "old")
    with pytest.raises(RuntimeError):
        fail_while_writing(path)
    assert path.read_text() == "old"
    with atomic_replacement(path, sync=True) as draft:
        assert draft.suffix == ".json"
        draft.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_private_file_is_private_from_its_first_moment(tmp_path: Path) -> None:
    write_atomically(tmp_path / "secret", b"s", mode=PRIVATE)
    assert (tmp_path / "secret").stat().st_mode & 0o777 == PRIVATE


def test_readers_share_a_lock_that_a_writer_waits_for(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with (
        file_lock(path, exclusive=False),
        file_lock(path, exclusive=False, wait=False),
        pytest.raises(BlockingIOError),
    ):
        acquire_file_lock(path, wait=False)
    os.close(acquire_file_lock(path, wait=False))


def test_a_killed_holder_holds_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    program = (
        "import sys, time; from pathlib import Path; from stores.files import file_lock\n"
        "with file_lock(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(BlockingIOError):
            acquire_file_lock(path, wait=False)
        holder.send_signal(signal.SIGKILL)
    os.close(acquire_file_lock(path, wait=False))
