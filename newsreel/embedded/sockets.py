"""Private folders for Unix sockets, whose paths must not exceed 107 bytes.

Tests: tests/newsreel/embedded/test_postgres.py.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from stores.private_files import private_folder

_LONGEST_SOCKET_PATH_BYTES = 107
"""`sun_path` of unix(7) has 108 bytes, the last one a zero."""


def socket_folder(wanted: Path, longest_name: str) -> Path:
    """Create `wanted` if a socket called `longest_name` fits in there, else a private folder with a short path.

    The folder is created with mode 0700. Raises DependencyError if another user owns it.
    """
    folder = wanted
    if len(os.fsencode(wanted / longest_name)) > _LONGEST_SOCKET_PATH_BYTES:
        digest = hashlib.sha256(os.fsencode(wanted)).hexdigest()[:16]
        base = private_folder(Path(tempfile.gettempdir()) / f"newsreel-{os.getuid()}")
        folder = base / digest
    return private_folder(folder)
