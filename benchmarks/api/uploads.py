"""Part `uploads`: a tus upload with checksums against the same bytes over a raw socket; 50 uploads at once."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import socket
import statistics
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import google_crc32c
import psutil

from benchmarks.api.load import Answer, build_request
from benchmarks.api.people import Person, sign_up
from benchmarks.api.servers import Servers
from benchmarks.report import Figure, Say

MIN_RATIO = 0.5
ROUNDS = 3
BLOCK_BYTES = 1 << 20
PIECE_BYTES = 8 << 20
AT_ONCE = 50
TUS = {"Tus-Resumable": "1.0.0"}


def measure(servers: Servers, folder: Path, size_mib: int, say: Say) -> list[Figure]:
    """Measure uploads in sequence, then many at once."""
    [person] = asyncio.run(sign_up(servers, 1, "uploads"))
    size = size_mib << 20
    whole, pieces, raw = [], [], []
    for number in range(ROUNDS):
        # Different bytes in each round: an upload of known bytes would be skipped.
        data = hashlib.shake_128(str(number).encode()).digest(BLOCK_BYTES)
        data = b"".join(number.to_bytes(4, "big") + data[4:] for number in range(size // BLOCK_BYTES))
        say(
            f"uploads: round {number + 1} of {ROUNDS}, {size_mib} MiB: raw socket, one PATCH, PATCHes of 8 MiB"
        )
        raw.append(_copy_raw(folder, data))
        whole.append(_upload(servers, person, data, size, "sha256"))
        pieces.append(_upload(servers, person, data[::-1], PIECE_BYTES, "crc32c"))
    api = servers.find_api()
    before, peak = api.memory_info().rss, [0]
    watching = threading.Event()
    watcher = threading.Thread(target=_watch_memory, args=(api, watching, peak))
    watcher.start()
    say(f"uploads: {AT_ONCE} at once, 8 MiB each")
    begun = time.perf_counter()
    wrong = _upload_at_once(servers, person)
    took_s = time.perf_counter() - begun
    watching.set()
    watcher.join()
    return [
        _build_ratio_figure("one PATCH with SHA-256", raw, whole),
        _build_ratio_figure("PATCHes of 8 MiB with CRC-32C each", raw, pieces),
        Figure("uploads: one PATCH", size_mib / statistics.median(whole), "MiB/s"),
        Figure("uploads: raw socket into a file, synced", size_mib / statistics.median(raw), "MiB/s"),
        Figure(f"uploads: of {AT_ONCE} at once, those that are not what was sent", wrong, "uploads", limit=0),
        Figure(f"uploads: {AT_ONCE} at once", AT_ONCE * 8 / took_s, "MiB/s"),
        Figure(f"uploads: memory of the server for {AT_ONCE} at once", (peak[0] - before) / 2**20, "MiB"),
    ]


def _build_ratio_figure(what: str, raw: list[float], ours: list[float]) -> Figure:
    ratio = statistics.median(peer / own for peer, own in zip(raw, ours, strict=True))
    return Figure(
        f"uploads: throughput of {what}, of a raw socket copy's", ratio, "x", limit=MIN_RATIO, at_least=True
    )


def _copy_raw(folder: Path, data: bytes) -> float:
    """Seconds to copy the bytes over a loopback socket into a file that is synced to disk."""
    path = folder / "raw"

    def receive(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        buffer = bytearray(BLOCK_BYTES)
        with connection, path.open("wb", buffering=0) as file:
            while count := connection.recv_into(buffer):
                file.write(memoryview(buffer)[:count])
            os.fdatasync(file.fileno())

    with socket.create_server(("127.0.0.1", 0)) as listener:
        receiver = threading.Thread(target=receive, args=(listener,))
        begun = time.perf_counter()
        receiver.start()
        with socket.create_connection(listener.getsockname()) as sender:
            sender.sendall(data)
        receiver.join()
    took_s = time.perf_counter() - begun
    path.unlink()
    return took_s


def _upload(servers: Servers, person: Person, data: bytes, piece_bytes: int, algorithm: str) -> float:
    """Seconds from the creation of the upload to the last response; checksums are computed before."""
    pieces = [data[at : at + piece_bytes] for at in range(0, len(data), piece_bytes)]
    sums = [base64.b64encode(_digest(algorithm, piece)).decode() for piece in pieces]
    with socket.create_connection(("127.0.0.1", servers.port)) as connection:
        begun = time.perf_counter()
        url = create_upload(connection, person, len(data))
        at = 0
        for piece, digest in zip(pieces, sums, strict=True):
            answer = send_bytes(
                connection, person, url, at, piece, {"Upload-Checksum": f"{algorithm} {digest}"}
            )
            if answer.status != 204:
                raise RuntimeError(f"PATCH: status {answer.status}: {answer.body[:200]!r}")
            at += len(piece)
    return time.perf_counter() - begun


def _digest(algorithm: str, data: bytes) -> bytes:
    if algorithm == "crc32c":
        return int(google_crc32c.value(data)).to_bytes(4, "big")
    return hashlib.new(algorithm, data).digest()


def _upload_at_once(servers: Servers, person: Person) -> int:
    """Run concurrent uploads; returns how many failed or are not stored as sent."""
    wrong = []

    def upload(number: int) -> None:
        data = hashlib.shake_128(f"at once {number}".encode()).digest(8 << 20)
        try:
            _upload(servers, person, data, 1 << 20, "sha256")
        except (OSError, RuntimeError) as error:
            wrong.append(str(error))
            return
        digest = hashlib.sha256(data).hexdigest()
        with servers.connect() as connection:
            if connection.execute("SELECT FROM videos WHERE sha256 = %s", (digest,)).fetchone() is None:
                wrong.append(digest)

    threads = [threading.Thread(target=upload, args=(number,)) for number in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(wrong)


def create_upload(connection: socket.socket, person: Person, size: int) -> str:
    """Create an upload; returns its URL."""
    headers = TUS | {"Upload-Length": str(size), "Content-Length": "0"}
    answer = _send(connection, build_request("POST", "/v1/uploads", token=person.token, headers=headers))
    for line in answer.headers.decode().split("\r\n"):
        if line.lower().startswith("location: "):
            return line[10:]
    raise RuntimeError(f"POST: status {answer.status}: {answer.body[:200]!r}")


def send_bytes(
    connection: socket.socket, person: Person, url: str, at: int, data: bytes, more: Mapping[str, str]
) -> Answer:
    """Send bytes at an offset (PATCH)."""
    headers = TUS | {
        "Content-Type": "application/offset+octet-stream",
        "Upload-Offset": str(at),
        "Content-Length": str(len(data)),
        **more,
    }
    return _send(connection, build_request("PATCH", url, token=person.token, headers=headers), data)


def read_offset(connection: socket.socket, person: Person, url: str) -> tuple[int, str | None]:
    """Bytes received by the server, and the URL of the video once the upload is complete."""
    answer = _send(connection, build_request("HEAD", url, token=person.token, headers=TUS))
    headers = dict(
        line.split(": ", 1) for line in answer.headers.decode().lower().split("\r\n") if ": " in line
    )
    return int(headers["upload-offset"]), headers.get("content-location")


def _send(connection: socket.socket, head: bytes, body: bytes = b"") -> Answer:
    connection.sendall(head)
    if body:
        connection.sendall(body)
    received = b""
    while b"\r\n\r\n" not in received:
        if not (part := connection.recv(65536)):
            raise ConnectionResetError("the server closed the connection")
        received += part
    headers, _, rest = received.partition(b"\r\n\r\n")
    return Answer(int(headers[9:12]), headers, rest)


def _watch_memory(process: psutil.Process, end: threading.Event, peak: list[int]) -> None:
    while not end.wait(0.05):
        peak[0] = max(peak[0], process.memory_info().rss)
