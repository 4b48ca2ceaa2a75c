"""Questions in SQL, looked at before they are asked: one statement that only reads, about which tables, as of when."""

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
"""How a statement begins that only reads. The engine would also COPY to files, under EXPLAIN ANALYZE too."""
EXPLAINING = ("EXPLAIN", "ANALYZE", "VERBOSE")
BEFORE_AS_OF = {"VERSION", "TIMESTAMP", "SYSTEM_TIME", "FOR"}
"""`videos VERSION AS OF 3`, `videos FOR SYSTEM_TIME AS OF '2026-11-20'`: as other engines have it."""
AFTER_A_TABLE = {
    "WHERE", "JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "NATURAL", "ON", "USING", "GROUP", "ORDER", "HAVING",
    "LIMIT", "OFFSET", "FETCH", "UNION", "INTERSECT", "EXCEPT", "WINDOW", "QUALIFY", "TABLESAMPLE", "LATERAL", "ANTI",
    "SEMI", "SORT", "DISTRIBUTE", "CLUSTER",
}  # fmt: skip
"""Words that are no alias."""


@dataclass(frozen=True)
class Source:
    """A table as it is, or as it was: at a version of it, or at a time."""

    table: str
    as_of: int | datetime | None = None


@dataclass(frozen=True)
class Question:
    """One statement that reads."""

    sql: str
    """The statement; where a table is asked for as it was, with a name of ours in its place."""
    sources: Mapping[str, Source]
    """The tables that it may be about, by the names that stand in it."""
    lists_tables: bool = False
    """Whether it is SHOW TABLES."""


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str

    @property
    def word(self) -> str:
        """In capitals, where it is an unquoted word or a sign."""
        return self.text.upper() if self.kind in ("word", "other") else ""

    @property
    def name(self) -> str | None:
        """The table or column that it would name."""
        if self.kind == "word":
            return self.text.lower()
        return self.text[1:-1].replace('""', '"') if self.kind == "quoted" else None


def parse_question(sql: str, tables: Container[str]) -> Question:
    """Read a question about some of `tables`. Raises InputError for what is not one statement that reads."""
    tokens = [_Token(found.lastgroup or "other", found.group()) for found in TOKEN.finditer(sql)]
    places = [place for place, token in enumerate(tokens) if token.kind not in ("space", "comment")]
    words = [tokens[place].word for place in places]
    if words in (["SHOW", "TABLES"], ["SHOW", "TABLES", ";"]):
        return Question(sql, {}, lists_tables=True)
    _hold_that_it_reads(words)
    sources: dict[str, Source] = {}
    for number, place in enumerate(places):
        name = tokens[place].name
        if name is None or name not in tables:
            continue
        end, as_of = _as_of([tokens[further] for further in places[number + 1 : number + 8]])
        if as_of is None:
            sources[name] = Source(name)
            continue
        versioned = f"{name} as of {as_of}"
        sources[versioned] = Source(name, as_of)
        after = tokens[places[number + 1 + end]] if number + 1 + end < len(places) else None
        own = after is None or after.name is None or (after.kind == "word" and after.word in AFTER_A_TABLE)
        tokens[place] = _Token("quoted", f'"{versioned}"' + (f' AS "{name}"' if own else ""))
        for gone in range(places[number + 1], places[number + end] + 1):
            tokens[gone] = _Token("space", "")
    return Question("".join(token.text for token in tokens), sources)


def _hold_that_it_reads(words: list[str]) -> None:
    """Raises InputError that says what to do instead."""
    rest = iter(words)
    first = next(rest, "")
    if first == "EXPLAIN":
        first = _after_explain(rest)
    if first not in READING:
        said = f"{first} is not answered" if first else "there is no question"
        raise InputError(
            f"{said}: `newsreel sql` only reads; begin with SELECT, WITH, VALUES, EXPLAIN, DESCRIBE or SHOW TABLES. "
            "Rows come in by `newsreel import TABLE FILE`, and out by `--out FILE`"
        )
    if ";" in words[:-1]:
        raise InputError("there are several statements; ask one at a time")


def _after_explain(words: Iterator[str]) -> str:
    for word in words:
        if word == "FORMAT":
            next(words, "")
        elif word not in EXPLAINING:
            return word
    return ""


def _as_of(following: list[_Token]) -> tuple[int, int | datetime | None]:
    """How many of the tokens after a table's name say as of when, and when that is."""
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
        return place + 1, _time(value.text[1:-1])
    raise InputError(
        "AS OF what? A version, videos AS OF 12, or a time, UTC where it says no other: videos AS OF '2026-11-20T06:00'"
    )


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InputError(
            f"AS OF '{text}': not a time; '2026-11-20' or '2026-11-20T06:00:00Z', UTC where it says no other"
        ) from error
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
