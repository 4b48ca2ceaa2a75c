"""The OpenAPI document is valid, and true: whatever is asked, the answer is one that it declares.

Every operation that the application has is tried, also those that are added after this was written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from schemas import settings as our_settings
from streaming.serving.openapi import ALWAYS
from tests.streaming.conftest import served

EXAMPLES = 8
"""Of each operation and mode: all operations have to fit into the time of one test."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@schemathesis.serializer("application/offset+octet-stream")
def bytes_of_a_file(_context: Any, value: Any) -> bytes:
    """What uploads send (tus 1.0.0)."""
    return value if isinstance(value, bytes) else str(value).encode(errors="surrogatepass")


METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


@pytest.fixture
def document(api: httpx.Client) -> dict[str, Any]:
    return dict(api.get("/openapi.json").json())


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (path, method): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def references(part: Any) -> list[str]:
    """Every `$ref` of a document."""
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [found for value in part.values() for found in references(value)]
    if isinstance(part, list):
        return [found for value in part for found in references(value)]
    return []


def test_it_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    OPENAPI_31_VALIDATOR.validate(document)
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for reference in references(document):
        place = document
        assert reference.startswith("#/")
        for step in reference[2:].split("/"):
            place = place[step.replace("~1", "/").replace("~0", "~")]
    found = operations(document)
    assert len({operation["operationId"] for operation in found.values()}) == len(found)
    for (path, _), operation in found.items():
        named = {
            one["name"] for one in operation.get("parameters", []) if one["in"] == "path" and one["required"]
        }
        assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}
        for answer in operation["responses"].values():
            assert answer["description"]
            for content in answer.get("content", {}).values():
                Draft202012Validator.check_schema(content.get("schema", {}))


def test_every_operation_says_what_it_does_and_who_may(document: dict[str, Any]) -> None:
    for (path, method), operation in operations(document).items():
        assert operation["summary"], (path, method)
        assert operation["description"], (path, method)
        assert operation["tags"], (path, method)
        assert operation["responses"].keys() >= ALWAYS.keys()


def test_operations_without_a_token_are_these(document: dict[str, Any]) -> None:
    assert {place for place, operation in operations(document).items() if operation["security"] == []} == {
        ("/healthz", "get"),
        ("/readyz", "get"),
        ("/v1/uploads", "options"),
        ("/v1/users", "post"),
        ("/v1/sessions", "post"),
        ("/v1/sessions/refresh", "post"),
    }


def test_what_needs_a_token_says_so(api: httpx.Client, document: dict[str, Any]) -> None:
    for (path, method), operation in operations(document).items():
        if operation["security"] == [{"token": []}] and "{" not in path:
            assert api.request(method, path).status_code == 401, (path, method)


@pytest.mark.parametrize("logged_in", [False, True], ids=["nobody", "somebody"])
def test_every_answer_is_declared(
    database_url: str,
    add_video: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    subtests: pytest.Subtests,
    logged_in: bool,
) -> None:
    monkeypatch.setenv("NEWSREEL_LIMITS", "off")
    our_settings.settings.cache_clear()
    with served() as url, requests.Session() as session, httpx.Client(base_url=url) as client:
        schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
        other, headers = _account(client, "other")
        post = client.post("/v1/posts", json={"content": "hello"}, headers=headers).json()
        there = {
            "user_id": other,
            "post_id": post["post_id"],
            "video_id": add_video(video_id="v-1", uploader_id=other),
        }
        for number, found in enumerate(schema.get_all_operations()):
            operation = found.ok()  # type: ignore[union-attr]  # the document is valid: tested above
            # One account for each: some operations end the session, or the account.
            own = _account(client, f"user-{number}")[1] if logged_in else {}
            with subtests.test(operation.label):
                _try(operation, session, own, there)


def _account(client: httpx.Client, user_name: str) -> tuple[str, dict[str, str]]:
    """Somebody who is logged in: id, and the header that says so."""
    body = {"user_name": user_name, "password": "correct horse"}
    user_id = client.post("/v1/users", json=body).json()["user_id"]
    token = client.post("/v1/sessions", json=body).json()["access_token"]
    return user_id, {"Authorization": f"Bearer {token}"}


def _try(
    operation: Any,
    session: requests.Session,
    headers: dict[str, str],
    there: dict[str, str],
) -> None:
    """Ask for one operation with what its schema allows and what it does not; half of the ids are real ones."""
    modes = [GenerationMode.POSITIVE]
    if operation.body or operation.query or operation.headers:
        modes.append(GenerationMode.NEGATIVE)
    cases = st.one_of([operation.as_strategy(generation_mode=mode) for mode in modes])

    @settings(
        max_examples=EXAMPLES * len(modes),
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, real=st.booleans())
    def ask(case: Any, real: bool) -> None:
        for name in case.path_parameters or {}:
            if real and name in there:
                case.path_parameters[name] = there[name]
        if isinstance(case.query, dict) and "wait_s" in case.query:
            case.query["wait_s"] = 0  # a long poll
        case.call_and_validate(session=session, headers=headers, checks=CHECKS, timeout=60)

    ask()
