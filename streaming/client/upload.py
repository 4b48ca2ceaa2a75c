"""A file to a Newsreel server, in pieces that add up, going on where it was interrupted (tus 1.0.0)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx

from schemas.errors import DependencyError, InputError
from stores.media import check_readable
from streaming.client.retry import Patience
from streaming.client.session import ApiClient, checked, detail_of
from streaming.client.upload_notes import Note

PIECE_BYTES = 8 << 20
TUS = {"Tus-Resumable": "1.0.0"}
GONE = (httpx.codes.NOT_FOUND, httpx.codes.GONE)
BUSY = (httpx.codes.REQUEST_TIMEOUT, httpx.codes.LOCKED, httpx.codes.TOO_MANY_REQUESTS)
MISPLACED = (httpx.codes.CONFLICT, 460)
"""The server has another offset than we thought, or the piece did not add up there: ask, and send again."""

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
    before = _state(path)
    note = Note(home, client.server, client.user(), path, title)
    upload = _Upload(client, note, before[0])
    with path.open("rb") as file:
        if not upload.found():
            upload.create(path.name, title, description)
        resumed_at = upload.offset
        while upload.video_id is None:
            on_progress(upload.offset, upload.size_bytes, f"upload {path.name}")
            piece = _piece(file, upload.offset, upload.size_bytes)
            # Before the piece goes: the last one makes a video of whatever is there.
            if _state(path) != before:
                note.forget()
                raise InputError(
                    f"{path}: changed while it was read; bring it again once nobody writes to it"
                )
            upload.send(piece)
        on_progress(upload.size_bytes, upload.size_bytes, f"upload {path.name}")
    note.forget()
    return Uploaded(upload.video_id, upload.url, upload.size_bytes, resumed_at)


class _Upload:
    """One upload at the server: where it is, how much of it is there, and the video that it has become."""

    def __init__(self, client: ApiClient, note: Note, size_bytes: int) -> None:
        self._client, self._note = client, note
        self._patience = Patience(client.server)
        self.size_bytes = size_bytes
        self.url, self.offset = "", 0
        self.video_id: str | None = None

    def found(self) -> bool:
        """Whether an earlier command has begun it, and it is still there."""
        url = self._note.read()
        if url is None:
            return False
        answer = self._answered("HEAD", url)
        if answer.status_code in GONE:
            self._note.forget()
            return False
        self.url = url
        self._take(answer)
        return True

    def create(self, file_name: str, title: str, description: str | None) -> None:
        """Announce it, and keep its address."""
        texts = {"filename": file_name, "title": title, "description": description}
        metadata = ",".join(
            f"{name} {base64.b64encode(text.encode(errors='replace')).decode()}"
            for name, text in texts.items()
            if text
        )
        headers = {"Upload-Length": str(self.size_bytes), "Upload-Metadata": metadata}
        answer = self._answered("POST", "/v1/uploads", headers)
        checked(answer)
        self.url = self._field(answer, "Location")
        self._note.write(self.url)
        self._patience.renew()

    def send(self, piece: bytes) -> None:
        """Send what comes at the offset, once; where that fails, wait, and ask how much has arrived."""
        headers = TUS | {
            "Content-Type": "application/offset+octet-stream",
            "Upload-Offset": str(self.offset),
            "Upload-Checksum": f"sha256 {base64.b64encode(hashlib.sha256(piece).digest()).decode()}",
        }
        try:
            answer = self._client.request("PATCH", self.url, headers=headers, content=piece)
        except DependencyError as error:
            self._patience.wait(error.detail)
        else:
            if not _is_busy(answer) and answer.status_code not in MISPLACED:
                return self._take(answer)
            self._patience.wait(_reason(answer), answer)
        return self._take(self._answered("HEAD", self.url, lost=True))

    def _take(self, answer: httpx.Response) -> None:
        """Where the upload stands, as an answer says."""
        if answer.status_code in GONE:
            self._note.forget()
            raise DependencyError(f"{self._client.server} gave this upload up; type it again to begin anew")
        checked(answer)
        offset = int(self._field(answer, "Upload-Offset"))
        location = answer.headers.get("Content-Location")
        self.video_id = location.rpartition("/")[2] if location else None
        if offset > self.offset:
            self._patience.renew()
        elif self.video_id is None and answer.request.method == "PATCH":
            self._patience.wait("it answered without taking anything")
        self.offset = offset

    def _answered(
        self, method: str, url: str, headers: dict[str, str] | None = None, *, lost: bool = False
    ) -> httpx.Response:
        """The answer of a server that is not busy; a connection is tried again only where one was `lost`.

        To one that was never there it would be two minutes of waiting for somebody who has mistyped the address.
        """
        while True:
            try:
                answer = self._client.request(method, url, headers=TUS | (headers or {}))
            except DependencyError as error:
                if not lost:
                    raise
                self._patience.wait(error.detail)
                continue
            if not _is_busy(answer):
                return answer
            lost = True
            self._patience.wait(_reason(answer), answer)

    def _field(self, answer: httpx.Response, name: str) -> Any:
        if name not in answer.headers:
            raise DependencyError(f"{self._client.server} does not speak tus: no {name} in its answer")
        return answer.headers[name]


def _piece(file: IO[bytes], offset: int, size_bytes: int) -> bytes:
    file.seek(offset)
    return file.read(min(PIECE_BYTES, size_bytes - offset))


def _state(path: Path) -> tuple[int, int]:
    """Size and time of a file; another one than before where it is not there any more."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return -1, -1
    return found.st_size, found.st_mtime_ns


def _is_busy(answer: httpx.Response) -> bool:
    return answer.status_code in BUSY or answer.is_server_error


def _reason(answer: httpx.Response) -> str:
    return f"{answer.status_code} {detail_of(answer)}".strip()
