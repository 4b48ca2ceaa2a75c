"""All settings: `NEWSREEL_*` in the environment or in `.env`, read once; unset means the embedded default."""

from __future__ import annotations

import shlex
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.errors import DependencyError, InputError


class Settings(BaseSettings):
    """What each `NEWSREEL_*` variable holds. Unset URLs are filled in by whoever starts the embedded servers."""

    model_config = SettingsConfigDict(
        env_prefix="NEWSREEL_",
        env_file=".env",
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
        validate_default=True,
    )

    home: Path = Field(
        Path(".newsreel"), description="All state of the embedded stack lies under this folder."
    )
    database_url: str | None = Field(None, description="PostgreSQL; unset: an embedded server under HOME.")
    redis_url: str | None = Field(None, description="Redis; unset: an embedded server under HOME.")
    airflow_url: SecretStr | None = Field(
        None,
        description="Airflow's REST API, https://USER:PASSWORD@HOST; unset: the Airflow of `newsreel up`.",
    )
    database_replica_url: str | None = Field(
        None, description="A PostgreSQL that follows the first one; who is not logged in reads from it."
    )
    lake_uri: str = Field(
        default_factory=lambda data: (data["home"] / "lake").as_uri(),
        description="Where the Delta tables lie; unset: file://HOME/lake.",
    )
    media_uri: str = Field(
        default_factory=lambda data: (data["home"] / "media").as_uri(),
        description="Where sources, chunks and packages lie; unset: file://HOME/media.",
    )
    spark_master: str = Field("local[*]", description="Spark's master: local[*], spark://…, yarn, k8s://…")
    spark_options: str = Field(
        "",
        description="More properties for Spark, NAME=VALUE words as on a command line; they win over ours.",
    )
    refresh_small_events: int = Field(
        1_000_000,
        ge=0,
        description="A refresh writes up to so many changes of a table without a JVM, more by Spark; 0: all by Spark.",
    )
    beam_runner: str = Field("DirectRunner", description="Beam's runner: DirectRunner or a portable one.")
    beam_options: str = Field("", description="More options for Beam's runner, as on a command line.")
    request_id: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._~-]{1,64}$",
        description="The request that a stage works for, as its operator says; not for people to set.",
    )
    public_url: str | None = Field(
        None, description="The address under which people reach the API, for links; unset: as they asked."
    )
    limits: Literal["on", "off"] = Field("on", description="`off` lifts the rate limits, log-in included.")
    operators: str = Field(
        "", description="User ids, by commas, who may take down, overrule and retry; no request grants it."
    )
    secret_keys: SecretStr | None = Field(
        None, description="Keys that sign, by commas, the newest first; unset: made once, in HOME/keys."
    )
    trusted_proxies: str = Field(
        "", description="Networks, by commas, whose X-Forwarded-For is believed: the load balancer's."
    )
    personal: Literal["hidden", "allowed"] = Field(
        "hidden",
        description="`allowed` lets `newsreel sql --personal` show columns that say who somebody is.",
    )
    retention_days: int = Field(7, ge=1, description="How many days time travel reaches back.")

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()

    @property
    def lake_path(self) -> Path:
        """The lake's folder, where it is a local one. Raises DependencyError otherwise."""
        return _local_path(self.lake_uri, "NEWSREEL_LAKE_URI")

    @property
    def media_path(self) -> Path:
        """The media store's folder. Raises DependencyError where it is not a local one."""
        return _local_path(self.media_uri, "NEWSREEL_MEDIA_URI")

    @cached_property
    def operator_ids(self) -> frozenset[str]:
        """`NEWSREEL_OPERATORS` as ids."""
        return frozenset(_words(self.operators))

    @cached_property
    def proxy_networks(self) -> tuple[str, ...]:
        """`NEWSREEL_TRUSTED_PROXIES` as networks."""
        return tuple(_words(self.trusted_proxies))

    @field_validator("spark_options")
    @classmethod
    def _properties(cls, options: str) -> str:
        for word in shlex.split(options):
            if not word.startswith("spark.") or "=" not in word:
                raise ValueError(f"{word!r} is no spark.NAME=VALUE")
        return options

    @cached_property
    def spark_properties(self) -> dict[str, str]:
        """`NEWSREEL_SPARK_OPTIONS` as names and values."""
        return dict(word.split("=", 1) for word in shlex.split(self.spark_options))

    @cached_property
    def beam_arguments(self) -> list[str]:
        """`NEWSREEL_BEAM_OPTIONS` as an argument list."""
        return shlex.split(self.beam_options)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _local_path(uri: str, variable: str) -> Path:
    parts = urlsplit(uri)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        raise DependencyError(f"{variable}={uri}: only file:// folders of this machine are supported so far")
    return Path(unquote(parts.path))


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process. Raises InputError that names the variable which is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "NEWSREEL_" + "_".join(str(part) for part in first["loc"]).upper()
        raise InputError(f"{name}: {first['msg']}") from error
