"""Quality gate: checks rows by their table's derived Great Expectations suite, and records `quality_results`.

Tests: tests/stores/test_quality.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from schemas.errors import QualityError
from schemas.table import Table
from schemas.tables import table
from stores.delta import lake
from stores.quality.library import open_context

if TYPE_CHECKING:
    from pandas import DataFrame

SAMPLE_VALUES = 5


Rows: TypeAlias = Sequence[Mapping[str, Any]] | pa.Table


def check_rows(run_id: str, name: str, rows: Rows) -> int:
    """Check rows by their table's suite and record the results; returns the number of expectations.

    Raises QualityError that names the table and the failed expectations.
    """
    results = _validate(name, rows)
    at = datetime.now(UTC)
    lake().merge(
        "quality_results",
        [{"run_id": run_id, "table_name": name, "rows": len(rows), "at": at, **result} for result in results],
    )
    failed = [result for result in results if not result["success"]]
    if failed:
        listed = "; ".join(
            f"{result['expectation']} ({result['sample'] or 'no sample'})" for result in failed
        )
        raise QualityError(
            f"{name}: {len(failed)} of {len(results)} expectations failed on {len(rows)} rows: {listed}; "
            f"see quality_results where run_id = '{run_id}'"
        )
    return len(results)


def _validate(name: str, rows: Rows) -> list[dict[str, Any]]:
    with open_context() as context:
        from schemas.derive.expectations import build_suite

        declared = table(name)
        frame = _to_frame(declared, rows)
        asset = context.data_sources.add_pandas("rows").add_dataframe_asset(name)
        batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
        validated = batch.validate(build_suite(declared))
    return sorted(
        (_to_row(declared, result) for result in validated.results), key=lambda row: row["expectation"]
    )


def _to_frame(declared: Table, rows: Rows) -> DataFrame:
    """Rows as a DataFrame; integers stay integers beside nulls."""
    import pandas as pd

    if isinstance(rows, pa.Table):
        return rows.select(declared.column_names).to_pandas(integer_object_nulls=True)
    columns = {column: [row.get(column) for row in rows] for column in declared.column_names}
    return pd.DataFrame({column: pd.Series(values, dtype=object) for column, values in columns.items()})


def _to_row(declared: Table, result: Any) -> dict[str, Any]:
    config, details = result.expectation_config, result.result or {}
    arguments = {key: value for key, value in config.kwargs.items() if key not in ("batch_id", "exact_match")}
    sample = details.get("partial_unexpected_list") or details.get("details")
    if arguments.get("column") in declared.personal_columns:
        sample = None  # personal values are stored in `users` alone
    return {
        "expectation": f"{config.type}({json.dumps(arguments, sort_keys=True, default=str)})",
        "success": bool(result.success),
        "unexpected": details.get("unexpected_count"),
        "sample": None if result.success or not sample else json.dumps(_cut(sample), default=str),
    }


def _cut(sample: Any) -> Any:
    return sample[:SAMPLE_VALUES] if isinstance(sample, list) else sample
