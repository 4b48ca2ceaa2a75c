"""Stand-in for a stage program: does what plan.json says under its name, and writes an outcome file.

`sleep_s`, `exit`, `kill_on_attempt` (SIGKILLs itself), `child` (starts a long one of its own), `next`, `say`.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

parser = argparse.ArgumentParser()
for name in ("--run-id", "--attempt", "--outcome", "--video-id"):
    parser.add_argument(name)
arguments, options = parser.parse_known_args()
name = Path(sys.argv[0]).stem
folder = Path(os.environ["STAND_INS"])
plan = json.loads((folder / "plan.json").read_text()).get(name, {})

child = subprocess.Popen(["sleep", "600"]).pid if plan.get("child") else None
call = {"program": name, "pid": os.getpid(), "child": child, "options": options, **vars(arguments)}
leaked = [variable for variable in os.environ if variable.startswith(("AIRFLOW__", "AIRFLOW_CONN_"))]
with (folder / "calls.jsonl").open("a") as file:
    file.write(json.dumps({**call, "leaked": leaked}) + "\n")
print(plan.get("say", f"{name} works"), flush=True)
if plan.get("kill_on_attempt") == int(arguments.attempt):
    os.kill(os.getpid(), signal.SIGKILL)
if arguments.attempt == "1":
    time.sleep(plan.get("sleep_s", 0))
if plan.get("exit"):
    print("error: this was planned", file=sys.stderr)
    sys.exit(plan["exit"])
Path(arguments.outcome).write_text(json.dumps({"next": plan.get("next", []), "rows": 3, "detail": name}))
