"""One at a time does a thing, whoever it is; a turn ends with its holder, and a lost one is noticed."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import psycopg
import pytest

from schemas.errors import ConflictError
from stores.postgres import alone

HOLDER = """
import time
from stores.postgres import alone
with alone("hold it", 5):
    print("held", flush=True)
    time.sleep(600)
"""

pytestmark = pytest.mark.usefixtures("database_url")


def test_a_second_one_waits_for_the_end_of_the_first():
    order = []

    def second() -> None:
        with alone("a thing", 30):
            order.append("second")

    with alone("a thing", 5):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.3)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_one_who_waits_too_long_is_told():
    with (
        alone("a thing", 5),
        pytest.raises(ConflictError, match=r"at work to a thing for 0\.2 s"),
        alone("a thing", 0.2),
    ):
        pass


def test_other_things_may_be_done_meanwhile():
    with alone("a thing", 1), alone("another", 1) as still_alone:
        still_alone()


def test_a_holder_who_is_killed_holds_no_more():
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        holder.kill()
    with alone("hold it", 5):
        pass


def test_a_turn_that_was_lost_with_its_connection_is_noticed(database_url: str):
    with alone("a thing", 5) as still_alone:
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
        with pytest.raises(ConflictError, match="run it again"):
            still_alone()
