"""Data docs: Great Expectations' pages, built from rows of `quality_results`. Tests: tests/stores/test_quality.py."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, TypeAlias

from schemas.errors import InputError
from schemas.tables import table
from stores.quality.library import open_context

Row: TypeAlias = Mapping[str, Any]

SITE = "quality"
PARTS = {"index.html", "expectations", "validations", "static"}
"""Content of a folder of data docs."""
UNRAISED = {"raised_exception": False, "exception_message": None, "exception_traceback": None}


def write_data_docs(rows: Iterable[Row], folder: Path) -> Path:
    """Write pages of rows of `quality_results`, replacing earlier ones; returns the first page.

    Raises InputError if the folder contains anything else.
    """
    folder = folder.absolute()
    if folder.exists():
        if not folder.is_dir() or {path.name for path in folder.iterdir()} - PARTS:
            raise InputError(f"{folder} contains other files than data docs; choose an empty or new folder")
        shutil.rmtree(folder)
    with open_context() as context:
        from schemas.derive.expectations import build_suite

        for name in context.get_site_names():
            context.delete_data_docs_site(name)
        context.add_data_docs_site(SITE, _configure_site(folder))
        checks = sorted(rows, key=_check)
        for name in sorted({row["table_name"] for row in checks}):
            context.suites.add(build_suite(table(name)))
        for _, check in groupby(checks, key=_check):
            key, value = _build_validation(list(check))
            context.validation_results_store.add(key=key, value=value)
        context.build_data_docs()
    return folder / "index.html"


def _check(row: Row) -> tuple[str, str]:
    return row["run_id"], row["table_name"]


def _configure_site(folder: Path) -> dict[str, Any]:
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
    }


def _build_validation(rows: list[Row]) -> tuple[Any, Any]:
    """One check of one table's rows in the library's form: its key and its results."""
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )

    run_id, name, at = rows[0]["run_id"], rows[0]["table_name"], rows[0]["at"]
    met = sum(row["success"] for row in rows)
    value = ExpectationSuiteValidationResult(
        success=met == len(rows),
        results=[_build_result(row) for row in rows],
        suite_name=name,
        statistics={
            "evaluated_expectations": len(rows),
            "successful_expectations": met,
            "unsuccessful_expectations": len(rows) - met,
            "success_percent": 100 * met / len(rows),
        },
        meta={
            "run_id": {"run_name": run_id, "run_time": at.isoformat()},
            "active_batch_definition": {"datasource_name": "lake", "data_asset_name": name},
        },
    )
    key = ValidationResultIdentifier(
        expectation_suite_identifier=ExpectationSuiteIdentifier(name),
        run_id=RunIdentifier(run_name=run_id, run_time=at),
        batch_identifier=name,
    )
    return key, value


def _build_result(row: Row) -> Any:
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    kind, _, arguments = row["expectation"].partition("(")
    result: dict[str, Any] = {"element_count": row["rows"]}
    if row["unexpected"] is not None:
        share = row["unexpected"] / row["rows"] if row["rows"] else 0.0
        sample = json.loads(row["sample"]) if row["sample"] else []
        result |= {
            "unexpected_count": row["unexpected"],
            "unexpected_percent": 100 * share,
            "partial_unexpected_list": sample if isinstance(sample, list) else [sample],
        }
    return ExpectationValidationResult(
        success=row["success"],
        expectation_config=ExpectationConfiguration(
            type=kind, kwargs=json.loads(arguments.removesuffix(")"))
        ),
        result=result,
        exception_info=dict(UNRAISED),
    )
