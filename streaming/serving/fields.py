"""Text fields of request bodies: 422 for what PostgreSQL cannot store or people cannot read."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from schemas.rows import IDENTIFIER

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


class Body(BaseModel):
    """A request body: unknown fields are ignored, numbers are finite, text is valid Unicode."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


def _check_storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain NUL characters")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("must be valid Unicode") from error
    return text


def _check_line(text: str) -> str:
    text = unicodedata.normalize("NFC", _check_storable(text))
    if CONTROL.search(text) or text != text.strip():
        raise ValueError("must not contain control characters, nor start or end with a space")
    return text


def _check_email(text: str) -> str:
    if not EMAIL.fullmatch(_check_line(text)):
        raise ValueError("must be an address like ann@example.org")
    return text


def _check_identifier(text: str) -> str:
    if not IDENTIFIER.fullmatch(text):
        raise ValueError("must be 1 to 64 of the characters A-Z a-z 0-9 . _ ~ -")
    return text


UserName = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_check_line)]
FullName = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_check_line)]
Email = Annotated[str, StringConstraints(min_length=3, max_length=254), AfterValidator(_check_email)]
Password = Annotated[str, StringConstraints(min_length=8, max_length=256), AfterValidator(_check_storable)]
Title = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_check_line)]
Description = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(_check_storable)]
LongText = Annotated[str, StringConstraints(min_length=1, max_length=10_000), AfterValidator(_check_storable)]
Identifier = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9._~-]{1,64}$"), AfterValidator(_check_identifier)
]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=1_000), AfterValidator(_check_storable)]
Visibility = Literal["public", "unlisted", "private"]
