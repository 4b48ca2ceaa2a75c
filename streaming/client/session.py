"""Session with a Newsreel server: opened by `newsreel login`, used by other commands.

Its tokens are in HOME/session.json, readable by its owner only; `NEWSREEL_TOKEN` takes precedence.
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from schemas.errors import DependencyError, InputError, LogInError
from stores.files import PRIVATE, file_lock, write_atomically
from stores.private_files import private_folder

DEFAULT_SERVER = "http://127.0.0.1:8080"
TOKEN_VARIABLE = "NEWSREEL_TOKEN"  # noqa: S105 - its name
_TEXT_FIELDS = ("server", "user_name", "access_token", "refresh_token")
_REFRESH_EARLY_S = 30.0
"""A token that expires so soon is refreshed before it is used."""
_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Session:
    """A session as stored; `expires_s` is Unix time."""

    server: str
    user_name: str
    access_token: str
    refresh_token: str
    expires_s: float


class ApiClient:
    """Authenticated requests to one server. Raises DependencyError if it is unreachable."""

    def __init__(self, home: Path, server: str | None = None, default: str | None = None) -> None:
        """`server` takes precedence over the session's server; `default` is used without either.

        Raises InputError unless it is an http or https URL.
        """
        self._path = home / "session.json"
        self._session = _read(self._path)
        stored = self._session.server if self._session else None
        self.server = (server or stored or default or DEFAULT_SERVER).rstrip("/")
        if not _is_address(self.server):
            raise InputError(f"--server {self.server}: must be a URL like {DEFAULT_SERVER}")
        if self._session is not None and self._session.server != self.server:
            self._session = None
        self._http = httpx.Client(base_url=self.server, timeout=_TIMEOUT_S, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def log_in(self, user_name: str, password: str) -> None:
        """Open a session and store it. Raises LogInError."""
        answer = self._send("POST", "/v1/sessions", json={"user_name": user_name, "password": password})
        session = self._build_session(user_name, parse_answer(answer))
        with self._lock():
            self._store(session)

    def user(self) -> str:
        """The user id, which stays the same across tokens. Raises LogInError if not logged in."""
        given = os.environ.get(TOKEN_VARIABLE)
        return _extract_subject(given) if given else _extract_subject(self._require_session().access_token)

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """The response to a request, whatever its status; refreshes the session if necessary.

        Raises LogInError if not logged in, or if the session has ended.
        """
        if given := os.environ.get(TOKEN_VARIABLE):
            answer = self._send_as(given, method, path, **more)
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                raise LogInError(f"{TOKEN_VARIABLE}: {extract_detail(answer) or 'invalid token'}")
            return answer
        session = self._require_session()
        if session.expires_s - time.time() < _REFRESH_EARLY_S:
            session = self._refresh(session)
        answer = self._send_as(session.access_token, method, path, **more)
        if answer.status_code == httpx.codes.UNAUTHORIZED:  # the clocks may differ
            answer = self._send_as(self._refresh(session).access_token, method, path, **more)
        return answer

    def _require_session(self) -> Session:
        if self._session is None:
            raise LogInError(f"not logged in to {self.server}: run `newsreel login --server {self.server}`")
        return self._session

    def _refresh(self, old: Session) -> Session:
        """The session with its next tokens. Concurrent commands take turns: a refresh token can be used once."""
        with self._lock():
            stored = _read(self._path)
            same_user = stored is not None and (stored.server, stored.user_name) == (
                old.server,
                old.user_name,
            )
            # Compares refresh tokens: access tokens issued within a second are equal.
            if stored is not None and same_user and stored.refresh_token != old.refresh_token:
                self._session = stored  # another command has refreshed it
                return stored
            answer = self._send("POST", "/v1/sessions/refresh", json={"refresh_token": old.refresh_token})
            try:
                session = self._build_session(old.user_name, parse_answer(answer))
            except LogInError as error:
                raise LogInError(
                    f"{error.detail.rstrip('.')}: run `newsreel login --server {self.server}`"
                ) from error
            if same_user:
                self._store(session)
            # Otherwise a login as another user, or a logout, came in between: the file must not be overwritten.
            self._session = session
            return session

    def _build_session(self, user_name: str, tokens: Any) -> Session:
        try:
            return Session(
                server=self.server,
                user_name=user_name,
                access_token=str(tokens["access_token"]),
                refresh_token=str(tokens["refresh_token"]),
                expires_s=time.time() + float(tokens["expires_in_s"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DependencyError(
                f"{self.server} is not a Newsreel server: its response has no tokens"
            ) from error

    def _store(self, session: Session) -> None:
        write_atomically(self._path, json.dumps(asdict(session)), mode=PRIVATE)
        self._session = session

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Lock the stored session against other commands."""
        folder = private_folder(self._path.parent / "session")
        with file_lock(folder / "lock"):
            yield

    def _send_as(self, token: str, method: str, path: str, **more: Any) -> httpx.Response:
        # As bytes: the server, not httpx, rejects a token with invalid characters.
        headers = {**more.pop("headers", {}), "Authorization": f"Bearer {token}".encode()}
        return self._send(method, path, headers=headers, **more)

    def _send(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **more)
        except httpx.TransportError as error:
            raise DependencyError(f"{self.server} does not answer: {error}") from error


def parse_answer(answer: httpx.Response) -> Any:
    """The JSON of a successful response. Raises LogInError for 401, InputError for other 4xx, else DependencyError."""
    if answer.is_success:
        try:
            return answer.json() if answer.content else None
        except ValueError as error:
            raise DependencyError(
                f"{answer.request.url} is not a Newsreel server: its response is not JSON"
            ) from error
    detail = extract_detail(answer)
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        raise LogInError(detail)
    request = f"{answer.request.method} {answer.request.url.path}"
    raise (InputError if answer.is_client_error else DependencyError)(
        f"{request} failed with status {answer.status_code}: {detail}"
    )


def extract_detail(answer: httpx.Response) -> str:
    """The detail of a problem (RFC 9457), or the start of any other body."""
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return " ".join(answer.text.split())[:300]


def _read(path: Path) -> Session | None:
    """The stored session; None if missing or malformed."""
    try:
        fields = json.loads(path.read_text())
        session = Session(**fields | {"expires_s": float(fields["expires_s"])})
        return session if all(isinstance(fields[name], str) for name in _TEXT_FIELDS) else None
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def _extract_subject(token: str) -> str:
    """The subject of a token (RFC 7519, `sub`), unverified; "" if it has none."""
    try:
        claims = token.split(".")[1]
        return str(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"])
    except (IndexError, ValueError, KeyError, TypeError):
        return ""


def _is_address(text: str) -> bool:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        return False
    return url.scheme in ("http", "https") and bool(url.host)
