"""Reads .sql files: SQL lives in files of its own, each statement named and explained."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection

_NAME = re.compile(r"^-- name: (?P<name>\w+)$", re.MULTILINE)


def named_statements(path: Path) -> dict[str, str]:
    """The statements of a file by the names its `-- name:` lines give them."""
    text = path.read_text(encoding="utf-8")
    starts = list(_NAME.finditer(text))
    ends = [*(start.start() for start in starts[1:]), len(text)]
    return {
        start["name"]: text[start.end() : end].strip()
        for start, end in zip(starts, ends, strict=True)
    }


def hot(statement: str, parameters: Mapping[str, Any] | Sequence[Any]) -> list[tuple[Any, ...]]:
    """Run a statement of the hot path prepared, and return its rows.

    Django binds parameters in the client and prepares nothing, so the server parses and plans
    each call anew; for the posting statement that costs more than running it. The server plans a
    prepared statement once per connection, and again by itself when the tenant changes.
    Parameters need explicit types in the text. Runs in the tenant and transaction of the
    connection, with its refusals.
    """
    with connection.cursor(), connection.wrap_database_errors:
        session: Any = connection.connection
        with psycopg.Cursor(session) as cursor:
            cursor.execute(statement, parameters, prepare=True)
            if connection.queries_logged:
                connection.queries_log.append({"sql": statement, "time": "0"})
            return cursor.fetchall() if cursor.description else []
