"""Notes of unfinished uploads: their URLs, so that the same command resumes them.

Tests: tests/streaming/client/test_upload.py.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from stores.files import PRIVATE, write_atomically
from stores.private_files import private_folder


class Note:
    """The URL of an upload, by server, user, file, its size and time, and title."""

    def __init__(self, home: Path, server: str, user: str, path: Path, title: str) -> None:
        """`user`: its owner; a server shows an upload to no other."""
        state = path.stat()
        key = [server, user, str(path.resolve()), state.st_size, state.st_mtime_ns, title]
        name = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]
        self._path = home / "uploads" / f"{name}.json"

    def read(self) -> str | None:
        """The URL, or None."""
        try:
            return str(json.loads(self._path.read_text())["url"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def write(self, url: str) -> None:
        """Store it, readable by this user of the machine only."""
        private_folder(self._path.parent)
        write_atomically(self._path, json.dumps({"url": url}), mode=PRIVATE)

    def delete(self) -> None:
        """Delete the note: the upload is finished or gone."""
        self._path.unlink(missing_ok=True)
