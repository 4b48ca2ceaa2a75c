"""Limits as data: which limit, for whom, on which routes."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from streaming.ratelimit.exact import micros
from streaming.ratelimit.http.route import Route
from streaming.ratelimit.limits import BY_KIND, LIMITS, Limit

SUBJECTS = ("user", "address", "key", "route")
"""What `by` may name: the user, the client's address, its API key, the route of the policy that was met."""

_log = logging.getLogger(__name__)
_PRINTABLE = re.compile(r"[ -~]{1,64}")


@dataclass(frozen=True, slots=True)
class Policy:
    """A limit under a name. Raises ValueError where a field makes no sense.

    `by`: what a request is counted under, all of it together; each item one of SUBJECTS, or alternatives of which the
    first counts that is known (`user|address`). Where an item is not known of a request, the policy does not apply to
    it; without items everybody is counted together. `routes`: see Route; none for a policy that only handlers ask.
    `cost`: units of a request; `bytes` for as many as a frame has. `shadow`: decided and counted, but never refused.
    `frames`: limits what WebSockets on its routes send, and not requests.
    """

    name: str
    limit: Limit
    by: tuple[str, ...]
    routes: tuple[str, ...]
    cost: float | Literal["bytes"] = 1
    shadow: bool = False
    frames: bool = False
    alternatives: tuple[tuple[str, ...], ...] = field(init=False, repr=False, compare=False)
    _routes: tuple[Route, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        name: Any = self.name
        if not isinstance(name, str) or not _PRINTABLE.fullmatch(name):
            raise ValueError(f"name must be 1 to 64 printable ASCII characters, not {name!r}")
        if not isinstance(self.limit, LIMITS):
            raise ValueError(f"limit must be one of {', '.join(BY_KIND)}, not {self.limit!r}")
        for flag in ("shadow", "frames"):
            if not isinstance(getattr(self, flag), bool):
                raise ValueError(f"{flag} must be true or false, not {getattr(self, flag)!r}")
        object.__setattr__(self, "by", _texts(self.by, "by"))
        object.__setattr__(self, "routes", _texts(self.routes, "routes"))
        alternatives = tuple(tuple(item.split("|")) for item in self.by)
        for what in (what for item in alternatives for what in item if what not in SUBJECTS):
            raise ValueError(f"by: {what!r} is none of {', '.join(SUBJECTS)}")
        object.__setattr__(self, "alternatives", alternatives)
        object.__setattr__(self, "_routes", tuple(Route.read(text) for text in self.routes))
        self._check_cost()

    def _check_cost(self) -> None:
        if self.cost == "bytes" and not self.frames:
            raise ValueError("cost: only frames are counted in bytes; set frames, or give a number")
        least = 1 if self.cost == "bytes" else self.cost
        if not self.limit.decide(None, 0, micros(least), take=False)[0].allowed:
            raise ValueError(f"cost: {least!r} is more than {self.limit!r} ever holds; nothing would pass")

    def route(self, method: str, path: str) -> str | None:
        """The first of its routes that means this request, as it is written; None where the policy does not apply."""
        for route in self._routes:
            if route.matches(method, path):
                return route.text
        return None

    def units(self, size_bytes: int) -> float:
        """What a frame of that size costs; an empty one has a byte."""
        return max(1, size_bytes) if self.cost == "bytes" else self.cost


class Policies:
    """The policies that hold now, each name once (else ValueError)."""

    def __init__(self, policies: Iterable[Policy] = ()) -> None:
        self.replace(policies)

    def replace(self, policies: Iterable[Policy]) -> None:
        """Let others hold from the next request on. What was used under a name and an algorithm stays used."""
        by_name: dict[str, Policy] = {}
        for policy in policies:
            if policy.name in by_name:
                raise ValueError(f"policy {policy.name!r}: there are two of this name; rename one")
            by_name[policy.name] = policy
        self._by_name: Mapping[str, Policy] = by_name
        self._missed: set[str] = set()

    def __iter__(self) -> Iterator[Policy]:
        return iter(self._by_name.values())

    def named(self, name: str) -> Policy | None:
        """The policy of that name; None where there is none, which is logged once."""
        found = self._by_name.get(name)
        if found is None and name not in self._missed:
            self._missed.add(name)
            _log.warning("no policy is named %r: what asks for it is not limited", name)
        return found


def read_policies(data: Any) -> Policies:
    """Policies from what JSON or TOML holds: `{"policies": [{"name", "algorithm", its parameters, "by", "routes"}]}`.

    `algorithm`: token_bucket (capacity, refill_per_s), leaking_bucket (bucket_size, outflow_per_s), fixed_window,
    sliding_window_log or sliding_window_counter (limit, window_s). `by` and `routes` must be given, the other fields of
    Policy may be. Raises ValueError that says which policy, which field and what to do.
    """
    if not isinstance(data, Mapping) or set(data) != {"policies"} or not isinstance(data["policies"], list):
        raise ValueError('policies are read from {"policies": [...]}, and nothing beside it')
    read = []
    for number, entry in enumerate(data["policies"]):
        try:
            read.append(_policy(entry))
        except ValueError as error:
            name = entry.get("name") if isinstance(entry, Mapping) else None
            raise ValueError(f"policies[{number}] (name {name!r}): {error}") from error
    return Policies(read)


def _policy(entry: Any) -> Policy:
    if not isinstance(entry, Mapping):
        raise ValueError(f"a policy is a table of fields, not {entry!r}")
    algorithm = entry.get("algorithm")
    of = BY_KIND.get(algorithm) if isinstance(algorithm, str) else None
    if of is None:
        raise ValueError(f"algorithm must be one of {', '.join(BY_KIND)}, not {algorithm!r}")
    parameters = [one.name for one in fields(of) if one.init]
    own = [one.name for one in fields(Policy) if one.init and one.name != "limit"]
    for name in ("name", *parameters, "by", "routes"):
        if name not in entry:
            needed = ", ".join(("name", *parameters, "by", "routes"))
            raise ValueError(f"{name} is missing; a policy with {algorithm} needs {needed}")
    for name in entry:
        if name not in ("algorithm", *parameters, *own):
            raise ValueError(f"{name} is not a field of a policy with {algorithm}: remove or correct it")
    limit: Limit = of(**{name: entry[name] for name in parameters})
    return Policy(limit=limit, **{name: entry[name] for name in own if name in entry})


def _texts(value: object, what: str) -> tuple[str, ...]:
    """A list of texts. Raises ValueError for a single text too, which would be read as its letters."""
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise ValueError(f"{what} must be a list of texts, not {value!r}")
    return tuple(value)
