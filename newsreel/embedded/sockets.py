"""Private folders for Unix sockets: a socket's path may have 107 bytes, and only its owner may reach it."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from schemas.errors import DependencyError

_LONGEST_SOCKET_PATH_BYTES = 107
"""`sun_path` of unix(7) has 108 bytes, the last one a zero."""


def socket_folder(wanted: Path, longest_name: str) -> Path:
    """`wanted` if a socket called `longest_name` fits in there, else a private folder with a short path.

    The folder is made with mode 0700. Raises DependencyError if somebody else owns it.
    """
    folder = wanted
    if len(os.fsencode(wanted / longest_name)) > _LONGEST_SOCKET_PATH_BYTES:
        digest = hashlib.sha256(os.fsencode(wanted)).hexdigest()[:16]
        base = private_folder(Path(tempfile.gettempdir()) / f"newsreel-{os.getuid()}")
        folder = base / digest
    return private_folder(folder)


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
