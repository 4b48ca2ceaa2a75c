"""SQL that brings a migrated database to what is declared, derived from the difference of their catalogs.

Derived are new tables, new columns, defaults, checks, comments, indexes, triggers and trigger functions. A change that
would lose or reinterpret what rows hold (a dropped or retyped column, another key) has to be written by hand.
Tests: tests/stores/migrations/test_difference.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from schemas.channels import CHANNELS
from schemas.derive.sql import (
    channel_triggers,
    column_definition,
    comment_on_column,
    comment_on_table,
    create_indexes,
    definition,
    triggers,
)
from schemas.errors import InputError
from schemas.table import Column, Table
from stores.migrations.catalog import Catalog

FUNCTION = re.compile(r"CREATE OR REPLACE FUNCTION (\w+)\(")
TRIGGER = re.compile(r"CREATE OR REPLACE TRIGGER (\w+) AFTER \w+ ON (\w+) ")


def derive_statements(migrated: Catalog, wanted: Catalog, tables: Sequence[Table]) -> list[str]:
    """The statements that make a database with the first catalog one with the second, which `tables` declare.

    Raises InputError that names every difference for which none can be derived.
    """
    faults: list[str] = []
    statements: list[str] = []
    for declared in tables:
        if declared.name not in migrated.tables:
            statements += definition(declared)
            continue
        statements += _alter_table(declared, migrated, wanted, faults)
    statements += _replace_triggers(migrated, wanted, tables, faults)
    if faults:
        raise InputError(
            f"no migration can be derived: {'; '.join(faults)}; write it by hand, as the last one there"
        )
    return list(dict.fromkeys(statements))


def _alter_table(declared: Table, migrated: Catalog, wanted: Catalog, faults: list[str]) -> Iterator[str]:
    name = declared.name
    before, after = migrated.tables[name], wanted.tables[name]
    if before[2:] != after[2:] or before.kind != after.kind:
        faults.append(f"{name} is partitioned otherwise")
    added = []
    for column in declared:
        key = (name, column.name)
        if key not in wanted.columns:
            continue  # in the lake alone
        if key in migrated.columns:
            yield from _alter_column(declared, column, migrated, wanted, faults)
            continue
        added.append(column.name)
        if not column.nullable:
            faults.append(f"{name}.{column.name} is new and not nullable: earlier rows in the lake hold null")
        yield f"ALTER TABLE {name} ADD COLUMN {column_definition(column)}"
        yield comment_on_column(declared, column)
    faults += [
        f"{name}.{column} is not declared any more"
        for table, column in sorted(migrated.columns)
        if table == name and (table, column) not in wanted.columns
    ]
    yield from _alter_constraints(name, added, migrated, wanted, faults)
    for table, index in _differing(migrated.indexes, wanted.indexes, name):
        if (table, index) in migrated.indexes:
            yield f"DROP INDEX {index}"
        if (table, index) in wanted.indexes:
            yield create_indexes(declared)[index]
    if before.comment != after.comment:
        yield comment_on_table(declared)


def _alter_column(
    declared: Table, column: Column, migrated: Catalog, wanted: Catalog, faults: list[str]
) -> Iterator[str]:
    key = (declared.name, column.name)
    before, after = migrated.columns[key], wanted.columns[key]
    alter = f"ALTER TABLE {declared.name} ALTER COLUMN {column.name}"
    if (before.type, before.collation) != (after.type, after.collation):
        faults.append(f"{'.'.join(key)} changes its type from {before.type} to {after.type}")
    if before.nullable and not after.nullable:
        faults.append(f"{'.'.join(key)} is not nullable any more: rows may hold null")
    if after.nullable and not before.nullable:
        yield f"{alter} DROP NOT NULL"
    if before.default != after.default:
        yield f"{alter} DROP DEFAULT" if after.default is None else f"{alter} SET DEFAULT {after.default}"
    if before.comment != after.comment:
        yield comment_on_column(declared, column)


def _alter_constraints(
    name: str, added: Sequence[str], migrated: Catalog, wanted: Catalog, faults: list[str]
) -> Iterator[str]:
    for key in _differing(migrated.constraints, wanted.constraints, name):
        before, after = migrated.constraints.get(key), wanted.constraints.get(key)
        kinds = {facts.kind for facts in (before, after) if facts}
        if "n" in kinds or (after and not before and set(after.columns) <= set(added)):
            continue  # comes and goes with its column
        if kinds - {"c", "u"}:
            faults.append(f"{name} changes its constraint {key[1]}")
            continue
        if before:
            yield f"ALTER TABLE {name} DROP CONSTRAINT {key[1]}"
        if after:
            yield f"ALTER TABLE {name} ADD CONSTRAINT {key[1]} {after.definition}"


def _replace_triggers(
    migrated: Catalog, wanted: Catalog, tables: Sequence[Table], faults: list[str]
) -> Iterator[str]:
    names = {declared.name for declared in tables} | {channel.table for channel in CHANNELS}
    declared = [statement for table in tables for statement in triggers(table)]
    declared += [statement for channel in CHANNELS for statement in channel_triggers(channel)]
    for table, trigger in sorted(migrated.triggers):
        if table not in names:
            faults.append(f"table {table} is not declared any more")
        elif (table, trigger) not in wanted.triggers:
            yield f"DROP TRIGGER {trigger} ON {table}"
    for function in sorted(migrated.functions):
        if function not in wanted.functions:
            yield f"DROP FUNCTION {function}()"
    for statement in declared:
        if found := FUNCTION.match(statement):
            differs = migrated.functions.get(found[1]) != wanted.functions[found[1]]
        else:
            found = TRIGGER.match(statement)
            assert found is not None
            key = (found[2], found[1])
            differs = migrated.triggers.get(key) != wanted.triggers[key]
        if differs:
            yield statement


def _differing(
    before: Mapping[tuple[str, str], object], after: Mapping[tuple[str, str], object], table: str
) -> list[tuple[str, str]]:
    keys = sorted(key for key in before.keys() | after.keys() if key[0] == table)
    return [key for key in keys if before.get(key) != after.get(key)]
