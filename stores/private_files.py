"""Files and folders that only their owner can read: keys, passwords, sockets."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from schemas.errors import DependencyError


def private_folder(path: Path) -> Path:
    """A folder that nobody but its owner can enter. Raises DependencyError if it is somebody else's, or a link."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise DependencyError(
            f"{path} does not belong to this user: remove it, or set NEWSREEL_HOME elsewhere"
        )
    if stat.S_IMODE(found.st_mode) != 0o700:
        path.chmod(0o700)
    return path


def read_or_create(path: Path, make: Callable[[], str]) -> str:
    """The text of `path`, which is made, mode 0600, where it is missing; the first of several makers wins."""
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
    """Write a file, mode 0600 from its first moment on."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
