"""A file to a Newsreel server, in pieces that add up, going on where it was interrupted (tus 1.0.0)."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx

from newsreel.api_client import ApiClient, checked
from schemas.errors import DependencyError, InputError
from stores.media import check_readable
from stores.private_files import private_folder, write_private

PIECE_BYTES = 8 << 20
PATIENCE_S = 120.0
"""For so long in a row nothing may get through before the command gives up; what is there stays there."""
LONGEST_PAUSE_S = 10.0
TUS = {"Tus-Resumable": "1.0.0"}
GONE = (httpx.codes.NOT_FOUND, httpx.codes.GONE)
TRY_AGAIN = (
    httpx.codes.REQUEST_TIMEOUT, httpx.codes.CONFLICT, httpx.codes.LOCKED, httpx.codes.TOO_MANY_REQUESTS, 460,
)  # fmt: skip

OnProgress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Uploaded:
    """A file that is there; `resumed_at_bytes` were there before."""

    video_id: str
    upload_url: str
    size_bytes: int
    resumed_at_bytes: int


def upload_file(
    client: ApiClient, home: Path, path: Path, title: str, description: str | None, on_progress: OnProgress
) -> Uploaded:
    """Bring a file; one that was brought in part goes on from there.

    Raises InputError where the file cannot be read or changes meanwhile, DependencyError where the server does not
    answer for long; what was taken by then is there for the next try.
    """
    check_readable(path)
    before = path.stat()
    note = _Note(home, client, path, title)
    with path.open("rb") as file:
        size_bytes = before.st_size
        url, offset = note.known() or _created(client, note, path, title, description, size_bytes)
        resumed_at, video = offset, None
        while video is None:
            on_progress(offset, size_bytes, f"upload {path.name}")
            offset, video = _sent(client, url, file, offset, size_bytes)
        on_progress(size_bytes, size_bytes, f"upload {path.name}")
    after = path.stat()
    note.forget()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise InputError(f"{path}: changed while it was read; bring it again once nobody writes to it")
    return Uploaded(video, url, size_bytes, resumed_at)


def _created(
    client: ApiClient, note: _Note, path: Path, title: str, description: str | None, size_bytes: int
) -> tuple[str, int]:
    texts = {"filename": path.name, "title": title, **({"description": description} if description else {})}
    metadata = ",".join(
        f"{name} {base64.b64encode(text.encode(errors='replace')).decode()}" for name, text in texts.items()
    )
    headers = TUS | {"Upload-Length": str(size_bytes), "Upload-Metadata": metadata}
    answer = client.request("POST", "/v1/uploads", headers=headers)
    checked(answer)
    url = str(answer.headers["Location"])
    note.write(url)
    return url, 0


def _sent(
    client: ApiClient, url: str, file: IO[bytes], offset: int, size_bytes: int
) -> tuple[int, str | None]:
    """Send the piece at an offset, again and again; the next offset, and the video once all is there."""
    deadline, pause_s = time.monotonic() + PATIENCE_S, 0.5
    while True:
        file.seek(offset)
        piece = file.read(min(PIECE_BYTES, size_bytes - offset))
        digest = base64.b64encode(hashlib.sha256(piece).digest()).decode()
        headers = TUS | {
            "Content-Type": "application/offset+octet-stream",
            "Upload-Offset": str(offset),
            "Upload-Checksum": f"sha256 {digest}",
        }
        try:
            answer = client.request("PATCH", url, headers=headers, content=piece)
            if answer.is_success:
                return int(answer.headers["Upload-Offset"]), _video_of(answer)
            if answer.status_code not in TRY_AGAIN and not answer.is_server_error:
                checked(answer)
            reason = f"{answer.status_code}"
            pause_s = max(pause_s, float(answer.headers.get("Retry-After", 0)))
        except DependencyError as error:
            reason = error.detail
        if time.monotonic() > deadline:
            raise DependencyError(f"{client.server} takes nothing more ({reason}); type it again to go on")
        time.sleep(min(pause_s, LONGEST_PAUSE_S))
        pause_s *= 2
        offset, video = _asked(client, url, offset)
        if video is not None:
            return offset, video


def _asked(client: ApiClient, url: str, offset: int) -> tuple[int, str | None]:
    """How much the server has; the offset as we know it where it does not answer."""
    try:
        answer = client.request("HEAD", url, headers=TUS)
    except DependencyError:
        return offset, None
    if not answer.is_success:
        return offset, None
    return int(answer.headers["Upload-Offset"]), _video_of(answer)


def _video_of(answer: httpx.Response) -> str | None:
    location = answer.headers.get("Content-Location")
    return location.rpartition("/")[2] if location else None


class _Note:
    """Where an upload of this very file to this server has its address, until it is done."""

    def __init__(self, home: Path, client: ApiClient, path: Path, title: str) -> None:
        found = path.stat()
        which = [client.server, str(path.resolve()), found.st_size, found.st_mtime_ns, title]
        name = hashlib.sha256(json.dumps(which).encode()).hexdigest()[:32]
        self._client = client
        self._path = home / "uploads" / f"{name}.json"

    def known(self) -> tuple[str, int] | None:
        """Address and offset of an upload that can be gone on with."""
        try:
            url = str(json.loads(self._path.read_text())["url"])
        except (FileNotFoundError, ValueError, KeyError):
            return None
        answer = self._client.request("HEAD", url, headers=TUS)
        if answer.status_code in GONE:
            self.forget()
            return None
        checked(answer)
        return url, int(answer.headers["Upload-Offset"])

    def write(self, url: str) -> None:
        private_folder(self._path.parent)
        write_private(self._path, json.dumps({"url": url}))

    def forget(self) -> None:
        self._path.unlink(missing_ok=True)
