"""Which requests a policy is about: a method, and a pattern of a path."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

_WRITTEN = re.compile(r"(?:(?P<method>[A-Z]+) )?(?P<path>/[^\s?#]*)")
_NAMED = re.compile(r"\{\w+\}")


@dataclass(frozen=True, slots=True)
class Route:
    """`POST /v1/sessions`, `/v1/videos/{id}/comments`, `/v1/**`.

    Without a method: any. `{name}` is one segment that is not empty, a final `/**` any rest or none. A path is compared
    as the ASGI scope has it: unquoted, with root_path, a slash at its end included.
    """

    text: str
    _method: str | None
    _path: re.Pattern[str]

    @classmethod
    def read(cls, text: object) -> Self:
        """Parse a route. Raises ValueError."""
        written = _WRITTEN.fullmatch(text) if isinstance(text, str) else None
        if written is None or not isinstance(text, str):
            raise ValueError(
                f"a route is a path, or a method and a path, as 'POST /v1/sessions', not {text!r}"
            )
        path, rest = written["path"], ""
        if path.endswith("/**"):
            path, rest = path.removesuffix("/**"), "(?:/.*)?"
        segments = path.split("/")
        for segment in segments:
            if set(segment) & set("{}*") and not _NAMED.fullmatch(segment):
                raise ValueError(f"in a route {{name}} is a whole segment and /** its end, not {text!r}")
        parts = ["[^/]+" if _NAMED.fullmatch(segment) else re.escape(segment) for segment in segments]
        return cls(text, written["method"], re.compile("/".join(parts) + rest, re.DOTALL))

    def matches(self, method: str, path: str) -> bool:
        """Whether a request is meant. A HEAD is a GET without its body, and is meant where that is."""
        if self._method not in (None, method) and (self._method, method) != ("GET", "HEAD"):
            return False
        return self._path.fullmatch(path) is not None
