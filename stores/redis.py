"""Redis: the client for any URL of NEWSREEL_REDIS_URL. The rate limiter, which imports nothing of ours, has its own."""

from __future__ import annotations

from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

import redis
from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import RedisClusterException, RedisError

from schemas.errors import DependencyError, InputError

Client: TypeAlias = "redis.Redis | RedisCluster"

CLUSTER = "+cluster"
DEFAULT_PORT = 6379
TIMEOUT_S = 2.0
FORMS = "redis://, rediss:// or unix:// of a server, redis+cluster://HOST:PORT,… or rediss+cluster:// of a cluster"


def connect(url: str, timeout_s: float = TIMEOUT_S) -> Client:
    """A client with text answers. `timeout_s` bounds each connection and each answer.

    Raises InputError for an unknown form of URL. A cluster is contacted now, and raises DependencyError where none of
    its servers is reachable; a server is contacted by the first command.
    """
    options: dict[str, Any] = {
        "decode_responses": True,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
    }
    scheme = urlsplit(url).scheme
    try:
        if scheme in ("redis", "rediss", "unix"):
            return redis.Redis.from_url(url, **options)
        if scheme in (f"redis{CLUSTER}", f"rediss{CLUSTER}"):
            return _connect_cluster(url, options)
    except ValueError as error:
        raise InputError(f"{redact(url)}: {error}") from error
    except (RedisError, RedisClusterException) as error:  # the second is not a RedisError
        raise DependencyError(f"Redis ({redact(url)}) is unreachable: {error}") from error
    raise InputError(f"{redact(url)}: unknown kind of Redis URL; supported are {FORMS}")


def read_server_version(client: Client) -> str:
    """The version of the server, or of one server of a cluster. Raises DependencyError where it does not answer."""
    try:
        if isinstance(client, RedisCluster):
            answer = client.info("server", target_nodes=RedisCluster.RANDOM)
        else:
            answer = client.info("server")
    except (RedisError, RedisClusterException, OSError) as error:
        raise DependencyError(f"Redis is unreachable: {error}") from error
    facts = answer if "redis_version" in answer else next(iter(answer.values()))
    return str(facts["redis_version"])


def redact(url: str) -> str:
    """The URL without user, password and options, for messages."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def _connect_cluster(url: str, options: dict[str, Any]) -> RedisCluster:
    parts = urlsplit(url)
    hosts = parts.netloc.rpartition("@")[2].split(",")
    nodes = [urlsplit(f"//{named}") for named in hosts if named]
    if not nodes:
        raise InputError(f"{redact(url)}: no server is named; write redis+cluster://HOST:PORT,HOST:PORT")
    node_type: Any = ClusterNode  # its constructor has no annotations
    return RedisCluster(
        startup_nodes=[node_type(node.hostname, node.port or DEFAULT_PORT) for node in nodes],
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        ssl=parts.scheme.startswith("rediss"),
        require_full_coverage=False,  # what is reachable is served while a part of the cluster is away
        **options,
    )
