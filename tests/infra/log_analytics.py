"""A stand-in for the workspace in which the box's log ends: the table AppTraces in DuckDB, asked in KQL.

Rows are made of real log records, written as the box writes them on Azure.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from shared.logs import LogLine
from tests.infra.infra_tree import PROJECT

QUERIES = PROJECT / "infra/queries"
#: As Application Insights counts them.
SEVERITY = {logging.DEBUG: 0, logging.INFO: 1, logging.WARNING: 2, logging.ERROR: 3, logging.CRITICAL: 4}
COLUMNS = {
    "TimeGenerated": "TIMESTAMP",
    "Message": "VARCHAR",
    "SeverityLevel": "BIGINT",
    "OperationId": "VARCHAR",
    "OperationName": "VARCHAR",
    "AppRoleInstance": "VARCHAR",
}
TABLE = f"CREATE TABLE AppTraces ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})"


def record(action: str, level: int = logging.INFO, **fields: object) -> logging.LogRecord:
    """A line of the box's log."""
    made = logging.LogRecord("shared.x", level, "x.py", 1, action.replace("_", " "), None, None)
    vars(made).update({"action": action, **fields})
    return made


@cache
def in_sql(query: str) -> str:
    """A query in SQL. To translate one takes a tenth of a second, and the tests ask the same of many logs."""
    return str(pytest.importorskip("duckdb_kql").to_sql(query, schema={"AppTraces": [*COLUMNS]}))


class Workspace:
    """What was logged, and the queries over it."""

    def __init__(self) -> None:
        self.connection = pytest.importorskip("duckdb_kql").connect()
        self.connection.execute(TABLE)
        self.written = 0

    def log(self, action: str, level: int = logging.INFO, *, ago: float = 60, operation: str = "", **fields: object):
        """A line that was written so many seconds ago, in an execution."""
        self.take([record(action, level, **fields)], ago=ago, operation=operation)

    def take(self, records: Iterable[logging.LogRecord], *, ago: float = 60, operation: str = "") -> None:
        """Lines in their order, each a moment after the one before."""
        for each in records:
            self.written += 1
            when = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=ago, milliseconds=-self.written)
            row = [when, LogLine("%(message)s").format(each), SEVERITY[each.levelno], operation, "run_worker", "host-1"]
            self.connection.execute("INSERT INTO AppTraces VALUES (?, ?, ?, ?, ?, ?)", row)

    def ask(self, name: str, **given: str) -> list[dict[str, Any]]:
        """The rows of a query of infra/queries; a function's parameters are given beside."""
        text = (QUERIES / f"{name}.kql").read_text()
        head = "".join(f"let {key} = '{value}';\n" for key, value in given.items())
        result = self.connection.sql(in_sql(head + text))
        return [dict(zip(result.columns, row, strict=True)) for row in result.fetchall()]
