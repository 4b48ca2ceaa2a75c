"""tus-js-client, the client that browsers use, goes on where it was interrupted. Skipped where there is no Node."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.streaming.conftest import Person

MIB = 1 << 20
FOLDER = Path(__file__).parent / "tus_js"


@pytest.mark.skipif(
    not (shutil.which("node") and shutil.which("npm")), reason="Node and npm are not installed"
)
def test_tus_js_client_goes_on_where_it_was_interrupted(join: Callable[..., Person], tmp_path: Path) -> None:
    for name in ("package.json", "package-lock.json", "upload.js"):
        shutil.copy(FOLDER / name, tmp_path)
    packages = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    installed = subprocess.run(
        packages, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False
    )
    if installed.returncode:
        pytest.skip(f"npm cannot fetch tus-js-client here: {installed.stderr.strip()[-200:]}")
    ann, data, film = join(), hashlib.shake_128(b"film").digest(5 * MIB + 7), tmp_path / "film.mp4"
    film.write_bytes(data)
    command = [
        "node",
        "upload.js",
        f"{ann.http.base_url}/v1/uploads",
        ann.access_token,
        str(film),
        str(2 * MIB),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["resumedAt"] >= 2 * MIB
    told = ann.http.head(said["url"], headers={"Tus-Resumable": "1.0.0"})
    video = ann.http.get(told.headers["content-location"]).json()
    assert (video["title"], video["sha256"]) == ("By tus-js-client", hashlib.sha256(data).hexdigest())
