"""Reads .sql files: SQL lives in files of its own, each statement named and explained."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections

from inventory_control.core.postgresql.flight import Asked as Asked
from inventory_control.core.postgresql.flight import bound

_PLACEHOLDER = re.compile(r"%%|%s|%\((?P<name>\w+)\)s")
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
    wrapper = _wrapper()
    with wrapper.wrap_database_errors:
        return _ask(wrapper, statement, parameters).rows()


def is_so(question: str, parameters: Mapping[str, Any] | Sequence[Any] = ()) -> bool:
    """The answer of a statement of the hot path that asks for one truth value; null is no."""
    ((answer,),) = hot(question, parameters)
    return bool(answer)


def hot_later(statement: str, parameters: Mapping[str, Any] | Sequence[Any]) -> Asked:
    """Queue a statement of the hot path whose rows are read later; only inside `pipelined`."""
    wrapper = _wrapper()
    with wrapper.wrap_database_errors:
        return _ask(wrapper, statement, parameters)


def hot_write(statement: str, parameters: Mapping[str, Any] | Sequence[Any]) -> None:
    """Run a statement of the hot path prepared whose rows nobody reads.

    Inside `pipelined` it is queued: a failure surfaces with the next rows read, or at the end.
    """
    wrapper = _wrapper()
    with wrapper.wrap_database_errors:
        asked = _ask(wrapper, statement, parameters)
        if not wrapper.is_pipelined:
            asked.rows()


def probe_only() -> None:
    """Have the rest of the transaction planned by probes of indexes, whatever tables seem to hold.

    For statements on the way of a till. A prepared statement keeps the plan it was first given until
    the server counts the table again, a minute or more later: one given while a table was young
    reads it whole, and on the first day of a promotion every order reads the orders before it.
    Costs a message that travels with others. Statements must say themselves in which order
    tables are probed (LATERAL and LIMIT): between two indexes the server still guesses.
    """
    if not _wrapper().is_probing:
        hot_write("SET LOCAL enable_seqscan = off", ())


def texts(values: Iterable[str | None]) -> str:
    """An array of text in PostgreSQL's own notation, for a parameter cast in the statement.

    The driver writes arrays an element at a time in Python, which for a batch of events costs
    more than the server takes to post it; here all are joined first and escaped together. See also
    `numbers`, `times` and `blobs`.
    """
    found = list(values)
    if not found:
        return "{}"
    if None in found:
        return _array("NULL" if one is None else f'"{_escaped(one)}"' for one in found)
    # No text of PostgreSQL holds a NUL: it can stand between them. One that has its own is refused
    # where the parameter is bound.
    joined = "\0".join(found)  # type: ignore[arg-type]  # no None among them
    if joined.count("\0") == len(found) - 1:
        joined = _escaped(joined).replace("\0", '","')
    return f'{{"{joined}"}}'


def numbers(values: Iterable[int | None]) -> str:
    """An array of whole numbers; see `texts`."""
    return _array("NULL" if one is None else str(one) for one in values)


def times(values: Iterable[date | None]) -> str:
    """An array of dates or moments; see `texts`."""
    return _array("NULL" if one is None else one.isoformat() for one in values)


def blobs(values: Iterable[bytes]) -> str:
    """An array of bytes; see `texts`."""
    return _array(f'"\\\\x{one.hex()}"' for one in values)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _array(elements: Iterable[str]) -> str:
    return "{" + ",".join(elements) + "}"


@contextmanager
def pipelined(*, commits: bool = False) -> Iterator[None]:
    """Queue the statements of a block and wait only for those whose rows are read.

    A request that runs ten statements then waits for the server three times instead of ten. The
    server skips everything behind a failed statement until the transaction is rolled back, so a
    failure can surface late but nothing is written in spite of it. A statement that goes through
    a cursor of Django waits for those queued before it. With `commits` the transaction's commit
    goes out with the last statements; the block must be the whole of a transaction.
    """
    wrapper = _wrapper()
    outer, wrapper.is_pipelined = wrapper.is_pipelined, True
    try:
        with connection.wrap_database_errors:
            yield
            if commits:
                wrapper.flight().commit()
            wrapper.settle()
    except BaseException:
        wrapper.drop_queued()
        raise
    finally:
        wrapper.is_pipelined = outer


def _ask(wrapper: Any, statement: str, parameters: Mapping[str, Any] | Sequence[Any]) -> Asked:
    text, names = positional(statement)
    asked: Asked = wrapper.flight().ask(text, bound(parameters, names))
    if wrapper.queries_logged:
        wrapper.queries_log.append({"sql": statement, "time": "0"})
    return asked


def _wrapper() -> Any:
    return connections[DEFAULT_DB_ALIAS]


@lru_cache(maxsize=1_000)
def positional(statement: str) -> tuple[bytes, tuple[Any, ...]]:
    """A statement with the server's own placeholders, and what belongs into each.

    The driver would translate a statement as long as the posting one anew at every call.
    """
    names: dict[Any, int] = {}

    def place(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        name = found["name"] if found["name"] is not None else len(names)
        return f"${names.setdefault(name, len(names) + 1)}"

    text = _PLACEHOLDER.sub(place, statement)
    return text.encode(), tuple(names)
