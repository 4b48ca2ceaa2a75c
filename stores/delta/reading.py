"""Reads of a table of the lake as Arrow, Polars, DuckDB, pandas or Spark."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, overload

import pyarrow as pa

from schemas.errors import DependencyError, InputError
from schemas.tables import table
from stores.delta.lake import Lake
from stores.delta.lake import lake as lake_of_settings

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import polars as pl

Engine = Literal["arrow", "polars", "duckdb", "pandas", "spark"]
AsOf = int | datetime | None


@overload
def read(
    name: str, engine: Literal["arrow"] = ..., *, columns: Sequence[str] | None = ..., as_of: AsOf = ...,
    personal: bool = ..., lake: Lake | None = ...,
) -> pa.Table: ...  # fmt: skip
@overload
def read(
    name: str, engine: Literal["polars"], *, columns: Sequence[str] | None = ..., as_of: AsOf = ...,
    personal: bool = ..., lake: Lake | None = ...,
) -> pl.LazyFrame: ...  # fmt: skip
@overload
def read(
    name: str, engine: Literal["duckdb"], *, columns: Sequence[str] | None = ..., as_of: AsOf = ...,
    personal: bool = ..., lake: Lake | None = ...,
) -> duckdb.DuckDBPyRelation: ...  # fmt: skip
@overload
def read(
    name: str, engine: Literal["pandas"], *, columns: Sequence[str] | None = ..., as_of: AsOf = ...,
    personal: bool = ..., lake: Lake | None = ...,
) -> pd.DataFrame: ...  # fmt: skip
@overload
def read(
    name: str, engine: Literal["spark"], *, session: Any, columns: Sequence[str] | None = ..., as_of: AsOf = ...,
    personal: bool = ..., lake: Lake | None = ...,
) -> Any: ...  # fmt: skip


def read(
    name: str,
    engine: Engine = "arrow",
    *,
    columns: Sequence[str] | None = None,
    as_of: AsOf = None,
    personal: bool = False,
    lake: Lake | None = None,
    session: Any = None,
) -> Any:
    """One version of a table, unordered.

    `arrow`: a pyarrow.Table. `polars`: a LazyFrame, and `duckdb`: a relation over Arrow; both read only the columns and
    files that the final query needs. `pandas`: a DataFrame. `spark`: a DataFrame of `session`, which must have Delta.

    `as_of`: a version or a time; by default the newest version. Columns that identify a person are left out unless
    `personal`. `lake`: by default that of NEWSREEL_LAKE_URI. Raises NotFoundError for an unknown table, InputError for
    an unknown column or version, DependencyError if the library is missing.
    """
    wanted = _select_columns(name, columns, personal=personal)
    store = lake or lake_of_settings()
    handle = store.open(name, as_of)
    if engine == "spark":
        reader = session.read.format("delta").option("versionAsOf", handle.version())
        return reader.load(store.location(name)).select(wanted)
    try:
        if engine == "polars":
            import polars as pl

            return pl.scan_delta(handle).select(wanted)
        dataset = handle.to_pyarrow_dataset()
        if engine == "duckdb":
            import duckdb

            return duckdb.from_arrow(dataset).select(*wanted)
        found = dataset.to_table(columns=wanted)
        return found.to_pandas() if engine == "pandas" else found
    except ImportError as error:
        raise DependencyError(f"{error}: install newsreel[analysts]") from error


def _select_columns(name: str, columns: Sequence[str] | None, *, personal: bool) -> list[str]:
    declared = table(name)
    if unknown := [column for column in columns or () if column not in declared.column_names]:
        raise InputError(
            f"{name} has no column {unknown[0]}; its columns are {', '.join(declared.column_names)}"
        )
    hidden = () if personal else declared.personal_columns
    if secret := [column for column in columns or () if column in hidden]:
        raise InputError(f"{name}.{secret[0]} identifies a person; read it with personal=True if you may")
    return list(columns or (column for column in declared.column_names if column not in hidden))
