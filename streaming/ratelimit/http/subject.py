"""Subject of a request: its address, user and API key, and the limiter's key for them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import quote, unquote

from streaming.ratelimit.http.asgi import Scope, header
from streaming.ratelimit.http.policy import Policy

LOCAL = "local"
"""The address of a client that has none: it came over a Unix socket. As a trusted proxy: all that come so."""

LONGEST = 128
"""A longer text is told by its digest, so that no request makes long keys in the store."""

Known = Callable[[Scope], str | None]
"""Finds something in the scope of a request."""

Address = IPv4Address | IPv6Address

_KEY = re.compile(r"\{(?P<parts>[^{}]*)\}(?P<name>[^{}]+)")
_PORT = re.compile(r"\[(?P<v6>[^\[\]]+)\](?::\d+)?|(?P<v4>[\d.]+):\d+")


class Part(NamedTuple):
    """What a subject is told by: `user`, `address`, `key`, `route`, or `given` by a handler, and the text of it."""

    what: str
    text: str


class Subjects:
    """How to identify subjects, for all requests.

    `user`: the user of a request (authenticated: what anybody may claim limits nobody), None for nobody. `key`: the
    header that has the API key, or what finds it; only a SHA-256 of it is ever kept. A made-up key is one more subject:
    limit by address too, or let `key` give only those that are right.

    `trusted_proxies`: networks (`10.0.0.0/8`, `::1`, `local` for a Unix socket) whose X-Forwarded-For is believed; from
    anybody else it is not. It is read from the right, each address added by the next proxy that is trusted; the first
    that is not trusted asks. Where one is not an address, the proxy that passed it on is taken. The server in front of
    the application must leave the scope's client alone (uvicorn: `proxy_headers=False`).

    IPv6 addresses are told by their network of `ipv6_prefix` bits, since a household has that many; those that map IPv4
    are the IPv4 address.
    """

    def __init__(
        self,
        *,
        user: Known | None = None,
        key: str | Known = "x-api-key",
        trusted_proxies: Iterable[str] = (),
        ipv6_prefix: int = 64,
    ) -> None:
        if not 1 <= ipv6_prefix <= 128:
            raise ValueError(f"ipv6_prefix must be from 1 to 128 bits, not {ipv6_prefix!r}")
        proxies = set(trusted_proxies)
        self._local_trusted = LOCAL in proxies
        self._trusted = [ip_network(network) for network in sorted(proxies - {LOCAL})]
        self._prefix = ipv6_prefix
        key_header = key.lower().encode("latin-1") if isinstance(key, str) else b""
        self.user: Known = user or _find_no_user
        self.key: Known = _first_of(key_header) if isinstance(key, str) else key

    def address(self, scope: Scope) -> str:
        """The client's address as limits count it: `203.0.113.7`, `2001:db8:0:1::/64`, `local`."""
        client = scope.get("client")
        host = client[0] if client else LOCAL
        address = _address(host)
        if self._trusts(address) or (host == LOCAL and self._local_trusted):
            forwarded = ",".join(header(scope, b"x-forwarded-for"))
            for text in filter(None, map(str.strip, reversed(forwarded.split(",")))):
                if (said := _address(text)) is None:
                    break
                address = said
                if not self._trusts(address):
                    break
        if address is None:
            return str(host)
        if isinstance(address, IPv4Address):
            return str(address)
        return str(IPv6Network((int(address), self._prefix), strict=False))

    def _trusts(self, address: Address | None) -> bool:
        return address is not None and any(address in network for network in self._trusted)


class Subject:
    """The subject of one request or WebSocket; each part is looked up once."""

    def __init__(self, subjects: Subjects, scope: Scope) -> None:
        self._scope = scope
        self._find: dict[str, Known] = {
            "user": subjects.user,
            "address": subjects.address,
            "key": subjects.key,
        }
        self._known: dict[str, str] = {}

    def key(self, policy: Policy, route: str | None, given: Sequence[str] = ()) -> str | None:
        """The limiter's key of a policy for this subject; None where what it counts by is not known.

        It tells any two subjects apart, whatever their texts. All policies on one subject share a hash tag, so that a
        Redis Cluster decides them together.
        """
        parts = []
        for alternatives in policy.alternatives:
            found = next((part for what in alternatives if (part := self._part(what, route))), None)
            if found is None:
                return None
            parts.append(found)
        parts += [Part("given", text) for text in given]
        return f"{{{'&'.join(map(_encode_part, parts))}}}{_quote(policy.name)}"

    def _part(self, what: str, route: str | None) -> Part | None:
        text = route if what == "route" else self._known.get(what)
        if text is None and what != "route":
            text = self._find[what](self._scope)
            if not text:
                return None
            if what == "key":
                text = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]
            self._known[what] = text
        return Part(what, text) if text else None


def read_key(key: str) -> tuple[str, list[str]] | None:
    """The policy's name and the parts of the subject, as `user=42`, of a key; None if it has another form.

    `user~` has the digest of a long text.
    """
    found = _KEY.fullmatch(key)
    if found is None:
        return None
    parts = found["parts"].split("&") if found["parts"] else []
    return unquote(found["name"]), [unquote(part, errors="surrogatepass") for part in parts]


def _encode_part(part: Part) -> str:
    if len(part.text) <= LONGEST:
        return f"{part.what}={_quote(part.text)}"
    return f"{part.what}~{hashlib.sha256(part.text.encode(errors='surrogatepass')).hexdigest()}"


def _quote(text: str) -> str:
    return quote(text, safe=":/ ", errors="surrogatepass")


def _address(text: str) -> Address | None:
    """An address of a text, without zone and port; None where it is none."""
    if found := _PORT.fullmatch(text):
        text = found["v6"] or found["v4"]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or IPv6Address(int(address))


def _find_no_user(_scope: Scope) -> str | None:
    return None


def _first_of(name: bytes) -> Known:
    def first(scope: Scope) -> str | None:
        return next(iter(header(scope, name)), None)

    return first
