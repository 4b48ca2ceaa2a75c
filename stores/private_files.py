"""Private files and folders, readable by their owner alone: keys, passwords, sockets.

Tests: tests/newsreel/embedded/test_keys.py.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from schemas.errors import DependencyError


def private_folder(path: Path) -> Path:
    """The folder, created with mode 0700 if missing. Raises DependencyError if it is another user's, or a link."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise DependencyError(
            f"{path} does not belong to this user: remove it, or set NEWSREEL_HOME to another folder"
        )
    if stat.S_IMODE(status.st_mode) != 0o700:
        path.chmod(0o700)
    return path


def read_or_create(path: Path, make: Callable[[], str]) -> str:
    """The text of a file, created with mode 0600 if missing; of concurrent processes the first one creates it."""
    private_folder(path.parent)
    if not path.exists():
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        write_private(draft, make())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()


def write_private(path: Path, text: str) -> None:
    """Write a file that has mode 0600 from the start."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
