"""Where an upload that is not finished has its address, so that the same command goes on with it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from stores.files import PRIVATE, write_atomically
from stores.private_files import private_folder


class Note:
    """The address of one user's upload of one file, as it is now, under one title, to one server."""

    def __init__(self, home: Path, server: str, user: str, path: Path, title: str) -> None:
        """`user`: whose it is; a server shows an upload to nobody else."""
        found = path.stat()
        which = [server, user, str(path.resolve()), found.st_size, found.st_mtime_ns, title]
        name = hashlib.sha256(json.dumps(which).encode()).hexdigest()[:32]
        self._path = home / "uploads" / f"{name}.json"

    def read(self) -> str | None:
        """The address, or None where there is none."""
        try:
            return str(json.loads(self._path.read_text())["url"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def write(self, url: str) -> None:
        """Keep it, for this user of the machine alone."""
        private_folder(self._path.parent)
        write_atomically(self._path, json.dumps({"url": url}), mode=PRIVATE)

    def forget(self) -> None:
        """It is done, or gone."""
        self._path.unlink(missing_ok=True)
