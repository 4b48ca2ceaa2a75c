"""Outcome of one policy's decision."""

from __future__ import annotations

from typing import NamedTuple

from streaming.ratelimit.decision import Decision
from streaming.ratelimit.http.policy import Policy


class Outcome(NamedTuple):
    """A policy and the decision under it."""

    policy: Policy
    decision: Decision
