"""Client that sends requests on one key as fast as it can: `python -m benchmarks.ratelimit.hammer URL`.

Reads JSON objects line by line from stdin and answers each with one: `clock` with this program's clock; a limiter with
its quota and a number of seconds with the numbers of requests sent and allowed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from typing import Any

from benchmarks.ratelimit.peers import Quota, build_redis_askers

KEY = "shared"


def main() -> int:
    """Answer lines until the end of the input."""
    [url] = sys.argv[1:]
    for line in sys.stdin:
        print(json.dumps(_answer(url, json.loads(line))), flush=True)
    return 0


def _answer(url: str, task: Mapping[str, Any]) -> dict[str, Any]:
    if "clock" in task:
        return {"clock_s": time.time()}
    ask = build_redis_askers(url, Quota(task["kind"], task["units"], task["period_s"]))[task["who"]]
    requests = allowed = 0
    until = time.monotonic() + task["seconds"]
    while time.monotonic() < until:
        allowed += ask((KEY,))
        requests += 1
    return {"requests": requests, "allowed": allowed}


if __name__ == "__main__":
    sys.exit(main())
