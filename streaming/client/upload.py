"""Resumable upload of a file to a Newsreel server, in pieces with checksums (tus 1.0.0)."""

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
from streaming.client.retry import Backoff
from streaming.client.session import ApiClient, extract_detail, parse_answer
from streaming.client.upload_notes import Note

PIECE_BYTES = 8 << 20
TUS = {"Tus-Resumable": "1.0.0"}
GONE = (httpx.codes.NOT_FOUND, httpx.codes.GONE)
BUSY = (httpx.codes.REQUEST_TIMEOUT, httpx.codes.LOCKED, httpx.codes.TOO_MANY_REQUESTS)
MISPLACED = (httpx.codes.CONFLICT, 460)
"""The server has another offset, or received a corrupt piece: read the offset and resend."""

OnProgress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Uploaded:
    """A complete upload; `resumed_at_bytes` were uploaded by earlier commands."""

    video_id: str
    upload_url: str
    size_bytes: int
    resumed_at_bytes: int


def upload_file(
    client: ApiClient, home: Path, path: Path, title: str, description: str | None, on_progress: OnProgress
) -> Uploaded:
    """Upload a file, resuming an unfinished upload of it.

    Raises InputError if the file is unreadable or changes meanwhile, DependencyError if the server makes no progress
    for long; the next command resumes it.
    """
    check_readable(path)
    before = _read_state(path)
    note = Note(home, client.server, client.user(), path, title)
    upload = _Upload(client, note, before[0])
    with path.open("rb") as file:
        if not upload.resume():
            upload.create(path.name, title, description)
        resumed_at = upload.offset
        while upload.video_id is None:
            on_progress(upload.offset, upload.size_bytes, f"upload {path.name}")
            piece = _read_piece(file, upload.offset, upload.size_bytes)
            # Before the piece is sent: the last one turns the upload into a video.
            if _read_state(path) != before:
                note.delete()
                raise InputError(
                    f"{path}: changed during the upload; upload it again once it is no longer written to"
                )
            upload.send(piece)
        on_progress(upload.size_bytes, upload.size_bytes, f"upload {path.name}")
    note.delete()
    return Uploaded(upload.video_id, upload.url, upload.size_bytes, resumed_at)


class _Upload:
    """One upload at the server: its URL, its offset, and its video once finished."""

    def __init__(self, client: ApiClient, note: Note, size_bytes: int) -> None:
        self._client, self._note = client, note
        self._backoff = Backoff(client.server)
        self.size_bytes = size_bytes
        self.url, self.offset = "", 0
        self.video_id: str | None = None

    def resume(self) -> bool:
        """Resume an earlier command's upload; False if there is none."""
        url = self._note.read()
        if url is None:
            return False
        answer = self._request("HEAD", url)
        if answer.status_code in GONE:
            self._note.delete()
            return False
        self.url = url
        self._update(answer)
        return True

    def create(self, file_name: str, title: str, description: str | None) -> None:
        """Create it, and note its URL."""
        texts = {"filename": file_name, "title": title, "description": description}
        metadata = ",".join(
            f"{name} {base64.b64encode(text.encode(errors='replace')).decode()}"
            for name, text in texts.items()
            if text
        )
        headers = {"Upload-Length": str(self.size_bytes), "Upload-Metadata": metadata}
        answer = self._request("POST", "/v1/uploads", headers)
        parse_answer(answer)
        self.url = self._get_header(answer, "Location")
        self._note.write(self.url)
        self._backoff.reset()

    def send(self, piece: bytes) -> None:
        """Send the piece at the offset, once; on failure, wait and read the offset."""
        headers = TUS | {
            "Content-Type": "application/offset+octet-stream",
            "Upload-Offset": str(self.offset),
            "Upload-Checksum": f"sha256 {base64.b64encode(hashlib.sha256(piece).digest()).decode()}",
        }
        try:
            answer = self._client.request("PATCH", self.url, headers=headers, content=piece)
        except DependencyError as error:
            self._backoff.wait(error.detail)
        else:
            if not _is_busy(answer) and answer.status_code not in MISPLACED:
                return self._update(answer)
            self._backoff.wait(_describe(answer), answer)
        return self._update(self._request("HEAD", self.url, lost=True))

    def _update(self, answer: httpx.Response) -> None:
        """Update offset and video from a response."""
        if answer.status_code in GONE:
            self._note.delete()
            raise DependencyError(
                f"{self._client.server} no longer has this upload: run the command again to start over"
            )
        parse_answer(answer)
        offset = int(self._get_header(answer, "Upload-Offset"))
        location = answer.headers.get("Content-Location")
        self.video_id = location.rpartition("/")[2] if location else None
        if offset > self.offset:
            self._backoff.reset()
        elif self.video_id is None and answer.request.method == "PATCH":
            self._backoff.wait("it accepted no bytes")
        self.offset = offset

    def _request(
        self, method: str, url: str, headers: dict[str, str] | None = None, *, lost: bool = False
    ) -> httpx.Response:
        """The response, retried while the server is busy; failed connections are retried only after one was `lost`.

        Otherwise a mistyped URL would take two minutes to be reported.
        """
        while True:
            try:
                answer = self._client.request(method, url, headers=TUS | (headers or {}))
            except DependencyError as error:
                if not lost:
                    raise
                self._backoff.wait(error.detail)
                continue
            if not _is_busy(answer):
                return answer
            lost = True
            self._backoff.wait(_describe(answer), answer)

    def _get_header(self, answer: httpx.Response, name: str) -> Any:
        if name not in answer.headers:
            raise DependencyError(f"{self._client.server} does not support tus: its response has no {name}")
        return answer.headers[name]


def _read_piece(file: IO[bytes], offset: int, size_bytes: int) -> bytes:
    file.seek(offset)
    return file.read(min(PIECE_BYTES, size_bytes - offset))


def _read_state(path: Path) -> tuple[int, int]:
    """Size and modification time of a file; -1 if it no longer exists."""
    try:
        state = path.stat()
    except FileNotFoundError:
        return -1, -1
    return state.st_size, state.st_mtime_ns


def _is_busy(answer: httpx.Response) -> bool:
    return answer.status_code in BUSY or answer.is_server_error


def _describe(answer: httpx.Response) -> str:
    return f"{answer.status_code} {extract_detail(answer)}".strip()
