"""The Lua scripts, put together of their parts: what is sent to Redis is one text with one digest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from streaming.ratelimit.limits import KINDS

FOLDER = Path(__file__).parent / "lua"
SOURCES = {
    "token_bucket": "bucket",
    "leaking_bucket": "bucket",
    "fixed_window": "fixed_window",
    "sliding_window_log": "sliding_window_log",
    "sliding_window_counter": "sliding_window_counter",
}
"""The file of each algorithm."""


@dataclass(frozen=True)
class Script:
    """A script and its SHA-1, by which a server that has it runs it (EVALSHA)."""

    text: bytes
    sha: bytes

    @classmethod
    def build(cls, *parts: str) -> Script:
        """One script of several parts."""
        text = "\n".join(parts).encode()
        return cls(text, hashlib.sha1(text, usedforsecurity=False).hexdigest().encode())


def _read(name: str) -> str:
    return (FOLDER / f"{name}.lua").read_text()


def _table(*, giving_back: bool) -> str:
    """All algorithms, by number."""
    parts = ["local algorithms = {}"]
    for file in dict.fromkeys(SOURCES.values()):
        numbers = [number for number, kind in enumerate(KINDS, 1) if SOURCES[kind] == file]
        back = _read(f"{file}_give_back") if giving_back else "local give_back = nil"
        made = "local made = {decide = decide, write = write, give_back = give_back}"
        into = "\n".join(f"algorithms[{number}] = made" for number in numbers)
        parts += ["do", _read(file), back, made, into, "end"]
    return "\n".join(parts)


_PRELUDE = _read("prelude")

ONE = {kind: Script.build(_PRELUDE, _read(SOURCES[kind]), _read("one")) for kind in KINDS}
"""Decides one request, by algorithm."""

MANY = Script.build(_PRELUDE, _table(giving_back=False), _read("many"))
"""Decides many requests, in groups of which all are granted or none."""

GIVE_BACK = Script.build(_PRELUDE, _table(giving_back=True), _read("give_back"))
"""Gives back what many requests were granted."""

RESET = Script.build("return redis.call('DEL', KEYS[1])")
"""Forgets a key."""
