"""`python -m benchmarks.ratelimit.hammer URL`: asks for one key as fast as it can, as it is told line by line on stdin.

Each line is a JSON object, answered by one: `clock` by this program's clock; a limiter, its quota and a number of
seconds by how often it asked, and how often it was allowed.
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
    """Answer until there is no more line."""
    [url] = sys.argv[1:]
    for line in sys.stdin:
        print(json.dumps(_answer(url, json.loads(line))), flush=True)
    return 0


def _answer(url: str, told: Mapping[str, Any]) -> dict[str, Any]:
    if "clock" in told:
        return {"clock_s": time.time()}
    ask = build_redis_askers(url, Quota(told["kind"], told["units"], told["period_s"]))[told["who"]]
    asked = allowed = 0
    until = time.monotonic() + told["seconds"]
    while time.monotonic() < until:
        allowed += ask((KEY,))
        asked += 1
    return {"asked": asked, "allowed": allowed}


if __name__ == "__main__":
    sys.exit(main())
