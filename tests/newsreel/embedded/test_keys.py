"""Keys and private folders: created once, readable by their owner alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from newsreel.embedded.keys import fernet_key, signing_key
from schemas.errors import DependencyError
from stores.private_files import private_folder, read_or_create


def test_a_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path):
    path = tmp_path / "keys" / "a-key"
    first = read_or_create(path, signing_key)
    assert read_or_create(path, signing_key) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["a-key"]


def test_keys_are_long_enough_for_what_they_sign_and_encrypt():
    assert len(signing_key()) >= 64
    assert len(fernet_key()) == 44
    assert fernet_key() != fernet_key()


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DependencyError, match="does not belong to this user"):
        private_folder(tmp_path / "link")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path):
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", 65534, 65534)
    with pytest.raises(DependencyError, match="does not belong to this user"):
        private_folder(tmp_path / "theirs")
