"""Redis clients: each form of URL reaches its server or cluster; messages carry no password."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import pytest
from redis.cluster import RedisCluster

from schemas.errors import DependencyError, InputError
from stores.redis import connect, read_server_version, redact
from tests.streaming.ratelimit.servers import cluster, free_port, one_server, wait_until

VERSION = re.compile(r"\d+\.\d+\.\d+")


def test_a_socket_file_and_a_port_reach_one_server(tmp_path: Path) -> None:
    with one_server(tmp_path, port=free_port()) as server:
        for url in (f"unix://{tmp_path / 's'}", f"redis://127.0.0.1:{server.port}/0"):
            with closing(connect(url)) as client:
                client.set("a", "ü")
                assert client.get("a") == "ü"
                assert VERSION.fullmatch(read_server_version(client))


def test_a_cluster_is_reached_by_any_of_its_servers(tmp_path: Path) -> None:
    with cluster(tmp_path) as servers:
        wait_until(
            lambda: all("cluster_slots_assigned:16384" in one.says("CLUSTER INFO") for one in servers),
            "every server knows all slots",
        )
        url = f"redis+cluster://127.0.0.1:{free_port()},127.0.0.1:{servers[1].port}"
        with closing(connect(url)) as client:
            assert isinstance(client, RedisCluster)
            for key in ("a", "b", "c"):
                client.set(key, key)
                assert client.get(key) == key
            assert VERSION.fullmatch(read_server_version(client))


def test_a_server_that_is_away_is_named_without_its_password() -> None:
    away = f"127.0.0.1:{free_port()}"
    with closing(connect(f"redis://:secret@{away}", timeout_s=0.5)) as client, pytest.raises(DependencyError):
        read_server_version(client)
    with pytest.raises(DependencyError, match=f"redis\\+cluster://{away}") as raised:
        connect(f"redis+cluster://:secret@{away}", timeout_s=0.5)
    assert "secret" not in str(raised.value)
    assert redact("rediss://user:secret@host:1/2?ssl_cert_reqs=none") == "rediss://host:1/2"


@pytest.mark.parametrize(
    "url", ["http://host", "redis+cluster://", "redis+cluster://host:port", "", "redis://host:x"]
)
def test_an_invalid_url_is_refused(url: str) -> None:
    with pytest.raises(InputError):
        connect(url)
