"""Stand-ins for the stage programs: real processes that follow a plan and record their calls."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAMS = (
    "pipelines.inspect_video",
    "jobs.match_video",
    "pipelines.encode_video",
    "pipelines.publish",
    "pipelines.reject",
    "pipelines.fail",
    "jobs.refresh_tables",
)


@dataclass(frozen=True)
class StandIns:
    """The folder of the stand-ins; goes before the project's own modules on PYTHONPATH."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(self.folder), *filter(None, [os.environ.get("PYTHONPATH")])])
        return {"PYTHONPATH": path, "STAND_INS": str(self.folder), "PYTHONSAFEPATH": "1"}

    def plan(self, **programs: Mapping[str, Any]) -> None:
        """Set what each program does, by the last part of its name; see stand_in_program.py."""
        (self.folder / "plan.json").write_text(json.dumps(programs))
        (self.folder / "calls.jsonl").write_text("")

    def calls(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "calls.jsonl").read_text().splitlines()]


def make_stand_ins(folder: Path) -> StandIns:
    for module in PROGRAMS:
        package, _, name = module.partition(".")
        (folder / package).mkdir(parents=True, exist_ok=True)
        # The rest of the package stays the project's own.
        extend = '__path__ = __import__("pkgutil").extend_path(__path__, __name__)\n'
        (folder / package / "__init__.py").write_text(extend)
        shutil.copy(Path(__file__).with_name("stand_in_program.py"), folder / package / f"{name}.py")
    found = StandIns(folder)
    found.plan()
    return found
