"""Programs for PostgreSQL's own user, which root starts it as, and which may not read the installed ones."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsreel.embedded import postgres_programs
from newsreel.embedded.postgres import SERVER_USER
from newsreel.embedded.postgres_programs import locate_programs, provide_programs

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as another user")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can enter; pytest's own are closed."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_programs_in_a_closed_folder_are_copied_and_the_folder_stays_closed(
    tmp_path: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    installed = locate_programs()
    package = installed.parents[1]
    for name in (package.name, f"{package.name}.libs"):
        shutil.copytree(package.with_name(name), closed / name, symlinks=True)
    programs = closed / installed.relative_to(package.parent)
    monkeypatch.setattr(postgres_programs, "locate_programs", lambda: programs)
    found = provide_programs(SERVER_USER, open_folder)
    assert found.is_relative_to(open_folder)
    # Without what lies beside the environment: a copy that finds libraries there is no copy.
    closed.rename(tmp_path / "elsewhere")
    closed.mkdir(mode=0o700)
    user = pwd.getpwnam(SERVER_USER)
    for name in ("postgres", "initdb", "pg_ctl", "psql"):
        subprocess.run(
            [found / name, "--version"],
            check=True,
            cwd="/",
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=[],
        )
    closed.rmdir()
    (tmp_path / "elsewhere").rename(closed)
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    before = found.stat().st_mtime
    assert provide_programs(SERVER_USER, open_folder) == found
    assert found.stat().st_mtime == before, "copied once"
