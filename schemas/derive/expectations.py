"""Great Expectations suites of the declared tables. Tests: tests/schemas/test_derived_forms.py."""

from __future__ import annotations

from typing import Any

from schemas.table import Table


def list_expectations(table: Table) -> list[tuple[str, dict[str, Any]]]:
    """The expectations on the table's rows, as (class name, arguments), in a fixed order."""
    expected: list[tuple[str, dict[str, Any]]] = [
        ("ExpectTableColumnsToMatchSet", {"column_set": table.column_names, "exact_match": True}),
    ]
    if len(table.key) == 1:
        expected.append(("ExpectColumnValuesToBeUnique", {"column": table.key[0]}))
    else:
        expected.append(("ExpectCompoundColumnsToBeUnique", {"column_list": list(table.key)}))
    for column in table:
        if column.unique:
            expected.append(("ExpectColumnValuesToBeUnique", {"column": column.name}))
        if not column.nullable:
            expected.append(("ExpectColumnValuesToNotBeNull", {"column": column.name}))
        if column.allowed:
            expected.append(
                ("ExpectColumnValuesToBeInSet", {"column": column.name, "value_set": list(column.allowed)})
            )
        if column.minimum is not None or column.maximum is not None:
            expected.append(
                (
                    "ExpectColumnValuesToBeBetween",
                    {"column": column.name, "min_value": column.minimum, "max_value": column.maximum},
                )
            )
    return expected


def build_suite(table: Table) -> Any:
    """The table's `great_expectations.ExpectationSuite`. Importing the library takes seconds."""
    import great_expectations as gx
    import great_expectations.expectations as gxe

    return gx.ExpectationSuite(
        name=table.name,
        expectations=[getattr(gxe, name)(**arguments) for name, arguments in list_expectations(table)],
    )
