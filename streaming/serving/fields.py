"""Kinds of text that people send: what PostgreSQL cannot hold or a person cannot read is refused at the door (422)."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from schemas.rows import IDENTIFIER

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


class Body(BaseModel):
    """The body of a request: known fields alone count, numbers are finite, and text is Unicode that UTF-8 can hold."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("it may hold no NUL character")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("it is no valid Unicode") from error
    return text


def _one_line(text: str) -> str:
    text = unicodedata.normalize("NFC", _storable(text))
    if CONTROL.search(text) or text != text.strip():
        raise ValueError("it may hold no control characters, and no space at its ends")
    return text


def _email(text: str) -> str:
    if not EMAIL.fullmatch(_one_line(text)):
        raise ValueError("an address like ann@example.org is needed")
    return text


def _identifier(text: str) -> str:
    if not IDENTIFIER.fullmatch(text):
        raise ValueError("1 to 64 of the characters A-Z a-z 0-9 . _ ~ - are needed")
    return text


UserName = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_one_line)]
FullName = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_one_line)]
Email = Annotated[str, StringConstraints(min_length=3, max_length=254), AfterValidator(_email)]
Password = Annotated[str, StringConstraints(min_length=8, max_length=256), AfterValidator(_storable)]
Title = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_one_line)]
Description = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(_storable)]
Words = Annotated[str, StringConstraints(min_length=1, max_length=10_000), AfterValidator(_storable)]
Identifier = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9._~-]{1,64}$"), AfterValidator(_identifier)
]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=1_000), AfterValidator(_storable)]
Visibility = Literal["public", "unlisted", "private"]
