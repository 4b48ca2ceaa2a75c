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
    def of(cls, *parts: str) -> Script:
        """One script of several parts."""
        text = "\n".join(parts).encode()
        return cls(text, hashlib.sha1(text, usedforsecurity=False).hexdigest().encode())


def _read(name: str) -> str:
    return (FOLDER / f"{name}.lua").read_text()


def _algorithm(name: str, kind: str) -> str:
    return f"local {name} = (function()\n{_read(SOURCES[kind])}end)()"


def _table() -> str:
    of_file = {SOURCES[kind]: kind for kind in KINDS}
    files = "\n".join(_algorithm(file, kind) for file, kind in of_file.items())
    named = ", ".join(f"{kind} = {SOURCES[kind]}" for kind in KINDS)
    return f"{files}\nlocal algorithms = {{{named}}}"


_PRELUDE = _read("prelude")

ONE = {kind: Script.of(_PRELUDE, _algorithm("algorithm", kind), _read("one")) for kind in KINDS}
"""Decides one request, by algorithm."""

MANY = Script.of(_PRELUDE, _table(), _read("many"))
"""Decides many requests, in groups of which all are granted or none."""

GIVE_BACK = Script.of(_PRELUDE, _table(), _read("give_back"))
"""Gives back what many requests were granted."""

RESET = Script.of("return redis.call('DEL', KEYS[1])")
"""Forgets a key."""
