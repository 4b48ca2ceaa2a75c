"""Parser of queries in SQL: checks that there is one read-only statement, and resolves its tables and `AS OF`."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from schemas.errors import InputError

TOKEN = re.compile(
    r"""(?P<comment> --[^\n]* | /\*.*?\*/ )
      | (?P<string>  '(?:[^']|'')*' )
      | (?P<quoted>  "(?:[^"]|"")*" )
      | (?P<word>    [^\W\d]\w* )
      | (?P<number>  \d+ )
      | (?P<space>   \s+ )
      | (?P<other>   . )""",
    re.VERBOSE | re.DOTALL,
)
READING = ("SELECT", "WITH", "VALUES", "TABLE", "DESCRIBE", "DESC", "(")
"""First words of read-only statements. The engine would also COPY to files, under EXPLAIN ANALYZE too."""
EXPLAINING = ("EXPLAIN", "ANALYZE", "VERBOSE")
BEFORE_AS_OF = {"VERSION", "TIMESTAMP", "SYSTEM_TIME", "FOR"}
"""`videos VERSION AS OF 3`, `videos FOR SYSTEM_TIME AS OF '2026-11-20'`: the syntax of other engines."""
AFTER_A_TABLE = {
    "WHERE", "JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "NATURAL", "ON", "USING", "GROUP", "ORDER", "HAVING",
    "LIMIT", "OFFSET", "FETCH", "UNION", "INTERSECT", "EXCEPT", "WINDOW", "QUALIFY", "TABLESAMPLE", "LATERAL", "ANTI",
    "SEMI", "SORT", "DISTRIBUTE", "CLUSTER",
}  # fmt: skip
"""Words that are not an alias."""


@dataclass(frozen=True)
class Source:
    """A table at its newest version, at a version, or at a time."""

    table: str
    as_of: int | datetime | None = None


@dataclass(frozen=True)
class Question:
    """One read-only statement."""

    sql: str
    """The statement; a table `AS OF` an earlier version is replaced by a name for that version."""
    sources: Mapping[str, Source]
    """The tables that it may read, by their names in the statement."""
    lists_tables: bool = False
    """True for SHOW TABLES."""


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str

    @property
    def word(self) -> str:
        """An unquoted word in capitals, or a sign."""
        return self.text.upper() if self.kind in ("word", "other") else ""

    @property
    def name(self) -> str | None:
        """The table or column that it could name."""
        if self.kind == "word":
            return self.text.lower()
        return self.text[1:-1].replace('""', '"') if self.kind == "quoted" else None


def parse_question(sql: str, tables: Container[str]) -> Question:
    """Parse a query over some of `tables`. Raises InputError unless it is one read-only statement."""
    tokens = [_Token(found.lastgroup or "other", found.group()) for found in TOKEN.finditer(sql)]
    places = [place for place, token in enumerate(tokens) if token.kind not in ("space", "comment")]
    words = [tokens[place].word for place in places]
    if words in (["SHOW", "TABLES"], ["SHOW", "TABLES", ";"]):
        return Question(sql, {}, lists_tables=True)
    _check_read_only(words)
    sources: dict[str, Source] = {}
    for number, place in enumerate(places):
        name = tokens[place].name
        if name is None or name not in tables:
            continue
        end, as_of = _parse_as_of([tokens[further] for further in places[number + 1 : number + 8]])
        if as_of is None:
            sources[name] = Source(name)
            continue
        versioned = f"{name} as of {as_of}"
        sources[versioned] = Source(name, as_of)
        after = tokens[places[number + 1 + end]] if number + 1 + end < len(places) else None
        unnamed = (
            after is None or after.name is None or (after.kind == "word" and after.word in AFTER_A_TABLE)
        )
        tokens[place] = _Token("quoted", f'"{versioned}"' + (f' AS "{name}"' if unnamed else ""))
        for gone in range(places[number + 1], places[number + end] + 1):
            tokens[gone] = _Token("space", "")
    return Question("".join(token.text for token in tokens), sources)


def _check_read_only(words: list[str]) -> None:
    """Raises InputError that says what to do instead."""
    rest = iter(words)
    first = next(rest, "")
    if first == "EXPLAIN":
        first = _skip_explain(rest)
    if first not in READING:
        fault = f"{first} is not permitted" if first else "no query is given"
        raise InputError(
            f"{fault}: `newsreel sql` only reads; begin with SELECT, WITH, VALUES, EXPLAIN, DESCRIBE or SHOW TABLES. "
            "Import rows with `newsreel import TABLE FILE`, and export them with `--out FILE`"
        )
    if ";" in words[:-1]:
        raise InputError("several statements are given; run one at a time")


def _skip_explain(words: Iterator[str]) -> str:
    for word in words:
        if word == "FORMAT":
            next(words, "")
        elif word not in EXPLAINING:
            return word
    return ""


def _parse_as_of(following: list[_Token]) -> tuple[int, int | datetime | None]:
    """The number of tokens of the `AS OF` clause after a table's name, 0 without one, and its version or time."""
    place = 0
    while place < len(following) and following[place].word in BEFORE_AS_OF:
        place += 1
    if [token.word for token in following[place : place + 2]] != ["AS", "OF"]:
        return 0, None
    place += 2
    if place < len(following) and following[place].word in ("TIMESTAMP", "DATE"):
        place += 1
    value = following[place] if place < len(following) else _Token("other", "")
    if value.kind == "number":
        return place + 1, int(value.text)
    if value.kind == "string":
        return place + 1, _parse_time(value.text[1:-1])
    raise InputError(
        "AS OF needs a version or a time (UTC without an offset): videos AS OF 12, videos AS OF '2026-11-20T06:00'"
    )


def _parse_time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InputError(
            f"AS OF '{text}': not a time; write '2026-11-20' or '2026-11-20T06:00:00Z' (UTC unless it has an offset)"
        ) from error
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
