"""Routes mean the requests that they are written for, and no others."""

from __future__ import annotations

import pytest

from streaming.ratelimit.http.route import Route


@pytest.mark.parametrize(
    ("route", "method", "path"),
    [
        ("POST /v1/sessions", "POST", "/v1/sessions"),
        ("/v1/sessions", "DELETE", "/v1/sessions"),
        ("GET /v1/feed", "HEAD", "/v1/feed"),
        ("/v1/videos/{id}/comments", "GET", "/v1/videos/a b\n/comments"),
        ("/v1/**", "GET", "/v1"),
        ("/v1/**", "GET", "/v1/"),
        ("/v1/**", "GET", "/v1/videos//x\ny"),
        ("/v1/videos/{id}/**", "GET", "/v1/videos/7/comments/3"),
        ("/**", "GET", "/"),
        ("/", "GET", "/"),
        ("/a.b+c", "GET", "/a.b+c"),
    ],
)
def test_meant(route: str, method: str, path: str) -> None:
    assert Route.read(route).matches(method, path)


@pytest.mark.parametrize(
    ("route", "method", "path"),
    [
        ("POST /v1/sessions", "GET", "/v1/sessions"),
        ("HEAD /v1/feed", "GET", "/v1/feed"),
        ("/v1/sessions", "POST", "/v1/sessions/"),
        ("/v1/sessions", "POST", "/v1/sessions\n"),
        ("/v1/sessions", "POST", "/V1/sessions"),
        ("/v1/videos/{id}", "GET", "/v1/videos/"),
        ("/v1/videos/{id}", "GET", "/v1/videos/7/comments"),
        ("/v1/**", "GET", "/v10"),
        ("/a.b", "GET", "/axb"),
    ],
)
def test_not_meant(route: str, method: str, path: str) -> None:
    assert not Route.read(route).matches(method, path)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "v1",
        "post /v1",
        "POST  /v1",
        "POST",
        "/v1/{id",
        "/v1/x{id}",
        "/v1/**/x",
        "/v1/*",
        "/v1?q=1",
        "/{a b}",
        7,
    ],
)
def test_wrong_routes_are_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="route"):
        Route.read(wrong)
