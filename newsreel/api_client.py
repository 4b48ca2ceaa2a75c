"""A session with a Newsreel server, as `newsreel login` opens it and other commands use it.

Its tokens lie in HOME/session.json, which only its owner can read; `NEWSREEL_TOKEN` goes before them.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from schemas.errors import DependencyError, InputError, LogInError
from stores.private_files import private_folder, write_private

DEFAULT_SERVER = "http://127.0.0.1:8080"
TOKEN_VARIABLE = "NEWSREEL_TOKEN"  # noqa: S105 - its name
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

    def __init__(self, home: Path, server: str | None = None) -> None:
        """`server`: another one than the session's. Raises InputError where it is no address."""
        self._path = home / "session.json"
        self._session = _read(self._path)
        if server is not None and not server.startswith(("http://", "https://")):
            raise InputError(f"--server {server}: an address like {DEFAULT_SERVER} is needed")
        known = self._session.server if self._session else None
        self.server = (server or known or _running(home) or DEFAULT_SERVER).rstrip("/")
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
        self._keep(user_name, checked(answer))

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """The answer to a request, whatever its status; the session is refreshed where it has to be.

        Raises LogInError where nobody is logged in, or the session has ended.
        """
        headers = {"Authorization": f"Bearer {self._token()}", **more.pop("headers", {})}
        return self._send(method, path, headers=headers, **more)

    def _token(self) -> str:
        if given := os.environ.get(TOKEN_VARIABLE):
            return given
        if self._session is None:
            raise LogInError(f"nobody is logged in at {self.server}; `newsreel login --server {self.server}`")
        if self._session.expires_s - time.time() < _EARLY_S:
            body = {"refresh_token": self._session.refresh_token}
            self._keep(
                self._session.user_name, checked(self._send("POST", "/v1/sessions/refresh", json=body))
            )
        return self._session.access_token

    def _keep(self, user_name: str, tokens: dict[str, Any]) -> None:
        self._session = Session(
            server=self.server,
            user_name=user_name,
            access_token=tokens["access_token"],
            refresh_token=tokens["refresh_token"],
            expires_s=time.time() + tokens["expires_in_s"],
        )
        private_folder(self._path.parent / "session")
        draft = self._path.parent / "session" / f"{os.getpid()}.json"
        write_private(draft, json.dumps(asdict(self._session)))
        draft.rename(self._path)

    def _send(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **more)
        except httpx.TransportError as error:
            raise DependencyError(f"{self.server} does not answer: {error}") from error


def checked(answer: httpx.Response) -> Any:
    """What a good answer says. Raises LogInError for 401, InputError for other 4xx, DependencyError for 5xx."""
    if answer.is_success:
        return answer.json() if answer.content else None
    said = _detail(answer)
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        raise LogInError(said)
    what = f"{answer.request.method} {answer.request.url.path} was answered {answer.status_code}: {said}"
    raise (DependencyError if answer.is_server_error else InputError)(what)


def _detail(answer: httpx.Response) -> str:
    """What a problem (RFC 9457) says."""
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return " ".join(answer.text.split())[:300]


def _read(path: Path) -> Session | None:
    try:
        return Session(**json.loads(path.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _running(home: Path) -> str | None:
    """The API of the stack that runs on this HOME."""
    from newsreel.embedded.stack import running_stack

    stack = running_stack(home)
    return stack.api_url if stack else None
