"""A session with a Newsreel server, as `newsreel login` opens it and other commands use it.

Its tokens lie in HOME/session.json, which only its owner can read; `NEWSREEL_TOKEN` goes before them.
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
_TEXTS = ("server", "user_name", "access_token", "refresh_token")
_EARLY_S = 30.0
"""A token that ends so soon is refreshed before it is used."""
_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Session:
    """What is kept of a session; `expires_s` is Unix time."""

    server: str
    user_name: str
    access_token: str
    refresh_token: str
    expires_s: float


class ApiClient:
    """Requests to one server as who is logged in. Raises DependencyError where it does not answer."""

    def __init__(self, home: Path, server: str | None = None, default: str | None = None) -> None:
        """`server` takes precedence over the session's, `default` is for where neither is known.

        Raises InputError where it is not an http or https address.
        """
        self._path = home / "session.json"
        self._session = _read(self._path)
        known = self._session.server if self._session else None
        self.server = (server or known or default or DEFAULT_SERVER).rstrip("/")
        if not _is_address(self.server):
            raise InputError(f"--server {self.server}: an address like {DEFAULT_SERVER} is needed")
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
        """Open a session, and keep it. Raises LogInError."""
        answer = self._send("POST", "/v1/sessions", json={"user_name": user_name, "password": password})
        session = self._opened(user_name, checked(answer))
        with self._alone():
            self._keep(session)

    def user(self) -> str:
        """Who asks, as something that stays the same from one token to the next. Raises LogInError for nobody."""
        given = os.environ.get(TOKEN_VARIABLE)
        return _subject(given) if given else _subject(self._logged_in().access_token)

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """The answer to a request, whatever its status; the session is refreshed where it has to be.

        Raises LogInError where nobody is logged in, or the session has ended.
        """
        if given := os.environ.get(TOKEN_VARIABLE):
            answer = self._send_as(given, method, path, **more)
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                raise LogInError(f"{TOKEN_VARIABLE}: {detail_of(answer) or 'is not good'}")
            return answer
        session = self._logged_in()
        if session.expires_s - time.time() < _EARLY_S:
            session = self._refreshed(session)
        answer = self._send_as(session.access_token, method, path, **more)
        if answer.status_code == httpx.codes.UNAUTHORIZED:  # our clock and the server's may differ
            answer = self._send_as(self._refreshed(session).access_token, method, path, **more)
        return answer

    def _logged_in(self) -> Session:
        if self._session is None:
            raise LogInError(f"nobody is logged in at {self.server}; `newsreel login --server {self.server}`")
        return self._session

    def _refreshed(self, old: Session) -> Session:
        """The session with its next tokens. A refresh token is good once, so commands side by side take turns."""
        with self._alone():
            kept = _read(self._path)
            ours = kept is not None and (kept.server, kept.user_name) == (old.server, old.user_name)
            # By the refresh token: two access tokens of the same second are the same.
            if kept is not None and ours and kept.refresh_token != old.refresh_token:
                self._session = kept  # another command has been here
                return kept
            answer = self._send("POST", "/v1/sessions/refresh", json={"refresh_token": old.refresh_token})
            try:
                session = self._opened(old.user_name, checked(answer))
            except LogInError as error:
                raise LogInError(f"{error.detail}; `newsreel login --server {self.server}`") from error
            if ours:
                self._keep(session)
            # Else somebody has logged in as another user meanwhile, or out: the file is not ours to write any more.
            self._session = session
            return session

    def _opened(self, user_name: str, tokens: Any) -> Session:
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
                f"{self.server} is no Newsreel server: it answers with no tokens"
            ) from error

    def _keep(self, session: Session) -> None:
        write_atomically(self._path, json.dumps(asdict(session)), mode=PRIVATE)
        self._session = session

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other command reads or writes the session's tokens meanwhile."""
        folder = private_folder(self._path.parent / "session")
        with file_lock(folder / "lock"):
            yield

    def _send_as(self, token: str, method: str, path: str, **more: Any) -> httpx.Response:
        # As bytes: a token with odd letters is the server's to refuse.
        headers = {**more.pop("headers", {}), "Authorization": f"Bearer {token}".encode()}
        return self._send(method, path, headers=headers, **more)

    def _send(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **more)
        except httpx.TransportError as error:
            raise DependencyError(f"{self.server} does not answer: {error}") from error


def checked(answer: httpx.Response) -> Any:
    """What a good answer says. Raises LogInError for 401, InputError for other 4xx, DependencyError for the rest."""
    what = f"{answer.request.method} {answer.request.url.path} was answered {answer.status_code}"
    if answer.is_success:
        try:
            return answer.json() if answer.content else None
        except ValueError as error:
            raise DependencyError(f"{answer.request.url} is no Newsreel server: no JSON") from error
    said = detail_of(answer)
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        raise LogInError(said)
    raise (InputError if answer.is_client_error else DependencyError)(f"{what}: {said}")


def detail_of(answer: httpx.Response) -> str:
    """What a problem (RFC 9457) says."""
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return " ".join(answer.text.split())[:300]


def _read(path: Path) -> Session | None:
    """The session that is kept; one that cannot be read is none."""
    try:
        found = json.loads(path.read_text())
        session = Session(**found | {"expires_s": float(found["expires_s"])})
        return session if all(isinstance(found[name], str) for name in _TEXTS) else None
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def _subject(token: str) -> str:
    """Whom a token names (RFC 7519, `sub`), unchecked; "" where it names nobody."""
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
