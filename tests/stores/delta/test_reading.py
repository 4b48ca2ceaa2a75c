"""`stores.delta.read`: the same rows in every library, at any version, without personal columns."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.errors import DependencyError, InputError, NotFoundError
from stores.delta import Lake, read

AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def person(number: int, **more: Any) -> dict[str, Any]:
    return {
        "user_id": f"u{number}",
        "user_name": f"name {number}",
        "created": AT,
        "last_event_id": number,
        **more,
    }


@pytest.fixture
def three(tables: Lake) -> Lake:
    tables.merge("users", [person(1), person(2)])
    tables.merge("users", [person(3, last_login=AT + timedelta(microseconds=1))])
    return tables


def rows(name: str, engine: str, **more: Any) -> list[dict[str, Any]]:
    """What is read, as Python's values, in the order of its first column."""
    found = read(name, engine, **more)  # type: ignore[call-overload]
    if engine == "polars":
        listed = found.collect().to_dicts()
    elif engine == "duckdb":
        listed = [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
    elif engine == "pandas":
        listed = found.astype(object).where(found.notna(), None).to_dict("records")
    else:
        listed = found.to_pylist()
    return sorted(listed, key=lambda row: next(iter(row.values())))


@pytest.mark.parametrize("engine", ["arrow", "polars", "duckdb", "pandas"])
def test_all_libraries_read_the_same_rows(three: Lake, engine: str) -> None:
    found = rows("users", engine)
    assert [row["user_id"] for row in found] == ["u1", "u2", "u3"]
    assert list(found[0]) == ["user_id", "last_login", "created", "last_event_id"]
    assert [row["last_event_id"] for row in found] == [1, 2, 3]
    assert found[2]["last_login"] == AT + timedelta(microseconds=1)
    assert found[0]["last_login"] is None
    assert rows("users", engine, columns=["last_event_id"], as_of=1) == [
        {"last_event_id": 1},
        {"last_event_id": 2},
    ]
    assert rows("users", engine, columns=["user_name"], personal=True)[0] == {"user_name": "name 1"}


@pytest.mark.usefixtures("three")
def test_what_cannot_be_read_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFoundError, match="no table 'user'"):
        read("user")
    with pytest.raises(InputError, match="users has no column mail; its columns are user_id"):
        read("users", columns=["mail"])
    with pytest.raises(InputError, match=r"users.email identifies a person"):
        read("users", columns=["email"])
    with pytest.raises(InputError, match="users has no version 9: its versions are 0 to 2"):
        read("users", as_of=9)
    with pytest.raises(InputError, match="its log begins at"):
        read("users", as_of=AT - timedelta(days=9000))
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(DependencyError, match=r"newsreel\[analysts\]"):
        read("users", "polars")
