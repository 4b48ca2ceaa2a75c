"""Declared components: their order, their waves of stopping, and which of them servers of the operator's replace."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsreel.embedded.component import Component, Site
from newsreel.embedded.components import (
    COMPONENTS,
    LIVE,
    build_environment,
    choose_ports,
    select_components,
)
from newsreel.embedded.supervisor import stop_waves
from schemas.settings import settings

AIRFLOW = ("airflow-api-server", "airflow-scheduler", "airflow-dag-processor")


@pytest.fixture
def configure(home: Path, monkeypatch: pytest.MonkeyPatch):
    """Sets NEWSREEL_* as an operator does."""
    for name in ("DATABASE_URL", "REDIS_URL", "AIRFLOW_URL"):
        monkeypatch.delenv(f"NEWSREEL_{name}", raising=False)

    def configure(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"NEWSREEL_{name}", value)
        settings.cache_clear()

    return configure


def names(components: list[Component]) -> list[str]:
    return [component.name for component in components]


def test_every_component_is_declared_once_and_after_what_it_needs() -> None:
    declared: list[str] = []
    for component in COMPONENTS:
        assert component.name not in declared
        assert set(component.needs) <= set(declared)
        assert bool(component.program) != bool(component.server)
        declared.append(component.name)


def test_a_component_is_stopped_after_all_that_need_it() -> None:
    order = [sorted(names(wave)) for wave in stop_waves(COMPONENTS)]
    assert order == [
        ["airflow-dag-processor", "airflow-scheduler", "api", "consumers"],
        ["airflow-api-server", "redis"],
        ["postgresql"],
    ]


def test_everything_is_embedded_by_default(configure) -> None:
    configure()
    assert names(select_components()) == names(list(COMPONENTS))
    assert names(select_components(LIVE)) == ["postgresql", "redis", "api"]


def test_the_operators_airflow_replaces_all_of_airflow_and_no_other_component(configure) -> None:
    configure(AIRFLOW_URL="http://u:secret@127.0.0.1:1")
    assert names(select_components()) == ["postgresql", "redis", "api", "consumers"]


def test_postgresql_is_kept_for_the_embedded_airflow(configure) -> None:
    configure(DATABASE_URL="postgresql://elsewhere/db", REDIS_URL="redis://elsewhere")
    assert names(select_components()) == ["postgresql", *AIRFLOW, "api", "consumers"]
    configure(AIRFLOW_URL="http://u:secret@127.0.0.1:1")
    assert names(select_components()) == ["api", "consumers"]


def test_programs_find_the_servers_in_their_environment(configure, home: Path) -> None:
    configure()
    components = select_components()
    site = Site(home, choose_ports(components, {"api": 8123}))
    environment = build_environment(site)
    assert environment["NEWSREEL_DATABASE_URL"].startswith("postgresql://")
    assert environment["NEWSREEL_REDIS_URL"].startswith("unix://")
    assert environment["NEWSREEL_AIRFLOW_URL"] == site.airflow.client_url
    [api] = [component for component in components if component.name == "api"]
    assert api.url_at(site) == "http://127.0.0.1:8123"
    assert api.arguments_at(site)[-1] == "8123"


def test_programs_find_the_operators_servers(configure, home: Path) -> None:
    given = {
        "DATABASE_URL": "postgresql://elsewhere/db",
        "REDIS_URL": "redis://elsewhere",
        "AIRFLOW_URL": "http://u:secret@127.0.0.1:1",
    }
    configure(**given)
    environment = build_environment(Site(home, choose_ports(select_components(), {})))
    assert {name: environment[f"NEWSREEL_{name}"] for name in given} == given
