"""An independent reading of lists of strings with parameters, as RFC 9651 (4.2) parses them."""

from __future__ import annotations

import re

ITEM = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"((?:; *[a-z*][a-z0-9_.*-]*=-?\d{1,15}(?!\d))*)')
PARAMETER = re.compile(r"; *([a-z*][a-z0-9_.*-]*)=(-?\d+)")


def read_list(field: str) -> dict[str, dict[str, int]]:
    """The members' parameters, by member. Fails where the field is no such list, or names a member twice."""
    found: dict[str, dict[str, int]] = {}
    place = 0
    while True:
        item = ITEM.match(field, place)
        assert item, f"no item at {place} in {field!r}"
        name = re.sub(r'\\(["\\])', r"\1", item[1])
        assert name not in found
        found[name] = {key: int(number) for key, number in PARAMETER.findall(item[2])}
        if item.end() == len(field):
            return found
        comma = re.compile(r"[ \t]*,[ \t]*").match(field, item.end())
        assert comma, f"no comma at {item.end()} in {field!r}"
        place = comma.end()
