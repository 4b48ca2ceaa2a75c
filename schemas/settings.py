"""Settings: `NEWSREEL_*` in the environment or in `.env`, read once; an unset one has its embedded default."""

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
    """The `NEWSREEL_*` variables. Unset URLs are filled in by the program that starts the embedded servers."""

    model_config = SettingsConfigDict(
        env_prefix="NEWSREEL_",
        env_file=".env",
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
        validate_default=True,
    )

    home: Path = Field(Path(".newsreel"), description="Folder of all state of the embedded stack.")
    database_url: str | None = Field(None, description="PostgreSQL; unset: an embedded server under HOME.")
    redis_url: str | None = Field(
        None,
        description="Redis: redis://, rediss://, unix:// or redis+cluster://HOST:PORT,…; unset: an embedded server.",
    )
    airflow_url: SecretStr | None = Field(
        None,
        description="Airflow's REST API, https://USER:PASSWORD@HOST; unset: the Airflow of `newsreel up`.",
    )
    database_replica_url: str | None = Field(
        None, description="Read replica of the PostgreSQL; serves reads of callers who are not authenticated."
    )
    lake_uri: str = Field(
        default_factory=lambda data: (data["home"] / "lake").as_uri(),
        description="Location of the Delta tables; unset: file://HOME/lake.",
    )
    media_uri: str = Field(
        default_factory=lambda data: (data["home"] / "media").as_uri(),
        description="Location of sources, chunks and packages; unset: file://HOME/media.",
    )
    spark_master: str = Field("local[*]", description="Spark's master: local[*], spark://…, yarn, k8s://…")
    spark_options: str = Field(
        "",
        description="Additional properties of Spark, NAME=VALUE words as on a command line; they override ours.",
    )
    refresh_small_events: int = Field(
        1_000_000,
        ge=0,
        description="Most changes of a table that a refresh writes without a JVM; more by Spark. 0: all by Spark.",
    )
    beam_runner: str = Field("DirectRunner", description="Beam's runner: DirectRunner or a portable one.")
    beam_options: str = Field("", description="Additional options of Beam's runner, as on a command line.")
    request_id: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._~-]{1,64}$",
        description="Id of the API request that a stage runs for; set by its operator, not by people.",
    )
    public_url: str | None = Field(
        None,
        description="Public address of the API, for links; unset: links are paths. `newsreel up` sets its own.",
    )
    limits: Literal["on", "off"] = Field(
        "on", description="`off` disables the rate limits, also that of log-in."
    )
    operators: str = Field(
        "",
        description="Ids of the users who may take down, overrule and retry, separated by commas; "
        "no request grants this.",
    )
    secret_keys: SecretStr | None = Field(
        None,
        description="Signing keys, separated by commas, the newest first; unset: created once, in HOME/keys.",
    )
    trusted_proxies: str = Field(
        "", description="Networks whose X-Forwarded-For is trusted, separated by commas: the load balancer's."
    )
    personal: Literal["hidden", "allowed"] = Field(
        "hidden",
        description="`allowed`: `newsreel sql --personal` may show columns that identify a person.",
    )
    quota_bytes: int = Field(
        20 << 30,
        ge=0,
        description="Bytes of videos and open uploads that an account may have (default: 20 GiB); 0: any number.",
    )
    free_space_bytes: int = Field(
        2 << 30,
        ge=0,
        description="Free space of a disk below which uploads, ingests and jobs are refused (default: 2 GiB); 0: none.",
    )
    retention_days: int = Field(7, ge=1, description="Days that time travel reaches back.")

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()

    @property
    def lake_path(self) -> Path:
        """The lake's folder. Raises DependencyError if it is not a local one."""
        return _local_path(self.lake_uri, "NEWSREEL_LAKE_URI")

    @property
    def media_path(self) -> Path:
        """The media store's folder. Raises DependencyError if it is not a local one."""
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
                raise ValueError(f"{word!r} is not of the form spark.NAME=VALUE")
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
        raise DependencyError(f"{variable}={uri}: only file:// folders of this machine are supported")
    return Path(unquote(parts.path))


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process. Raises InputError that names the invalid variable."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "NEWSREEL_" + "_".join(str(part) for part in first["loc"]).upper()
        raise InputError(f"{name}: {first['msg']}") from error
