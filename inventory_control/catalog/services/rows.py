"""Rows of master data as they come: every field read and checked before anything is stored."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import models

from inventory_control.core.errors import Refused

MOST_ROWS = 5_000
MOST_UNITS = 1_000_000_000
MOST_DAYS = 3_650
MOST_RANKS = 32_767
_VALUES = ("name", "starts_at", "ends_at", "uplift")
"""Fields a row must bring although they do not say which row it is."""
Row = Mapping[str, Any]


class InvalidRowError(Refused):
    """A master-data row is not valid; nothing of the call was stored."""

    code = "invalid_row"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a row: how it is read, and whether a row must bring it."""

    read: Callable[[Any], Any]
    is_needed: bool = False


def read_rows(rows: Sequence[Row], fields: Mapping[str, Field]) -> list[dict[str, Any]]:
    """Rows with every field read; raises `InvalidRowError` naming row and field."""
    if len(rows) > MOST_ROWS:
        raise InvalidRowError(f"At most {MOST_ROWS:,} rows a call; this has {len(rows):,}.")
    seen: set[tuple[Any, ...]] = set()
    answer = []
    for place, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise InvalidRowError("A row is an object.", field=f"[{place}]")
        if unknown := sorted(set(row) - set(fields)):
            raise InvalidRowError(
                f"No field is called {unknown[0]}.", field=f"[{place}].{unknown[0]}"
            )
        made: dict[str, Any] = {}
        for name, one in fields.items():
            if name not in row:
                if one.is_needed:
                    raise InvalidRowError(f"{name} is missing.", field=f"[{place}].{name}")
                continue
            try:
                made[name] = one.read(row[name])
            except (ValueError, TypeError, InvalidOperation) as error:
                raise InvalidRowError(f"{name}: {error}.", field=f"[{place}].{name}") from None
        key = tuple(
            made[name] for name, one in fields.items() if one.is_needed and name not in _VALUES
        )
        if key in seen:
            raise InvalidRowError("This row comes twice.", field=f"[{place}]")
        seen.add(key)
        answer.append(made)
    return answer


def by_code(model: type[models.Model], key: str, codes: Collection[Any]) -> dict[str, models.Model]:
    """Rows by the codes a call names; missing when unknown."""
    found = model._default_manager.filter(**{f"{key}__in": [code for code in codes if code]})
    return {getattr(row, key): row for row in found}


def named(known: Mapping[str, Any], code: Any, field: str, place: int) -> Any:
    """The row a code names; raises `InvalidRowError` naming the place where it is unknown."""
    if code is None:
        return None
    if code not in known:
        raise InvalidRowError(f"{field}: nothing is called {code}.", field=f"[{place}].{field}")
    return known[code]


def text(longest: int) -> Callable[[Any], str]:
    """Text of some characters that is not blank."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or not value.strip() or len(value) > longest:
            raise ValueError(f"give 1 to {longest} characters")
        if "\0" in value:
            raise ValueError("a zero byte is no text")
        return value

    return read


def whole(least: int = 0, most: int = MOST_UNITS) -> Callable[[Any], int]:
    """A whole number."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"give a whole number of {least} or more")
        if value > most:
            raise ValueError(f"give at most {most:,}")
        return value

    return read


def maybe(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Something, or null."""
    return lambda value: None if value is None else read(value)


def money(value: Any) -> Decimal:
    """An amount of money."""
    amount = Decimal(str(value))
    if not amount.is_finite() or amount < 0 or amount > Decimal(10) ** 7:
        raise ValueError("give an amount of 0 or more")
    return amount.quantize(Decimal("0.0001"))


def share(value: Any) -> Decimal:
    """A share of one."""
    amount = Decimal(str(value))
    if not amount.is_finite() or not -1 < amount <= 1:
        raise ValueError("give a share up to 1, such as 0.31")
    return amount.quantize(Decimal("0.0001"))


def number(value: Any) -> float:
    """A number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 10_000:
        raise ValueError("give a number of 0 or more")
    return float(value)


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError("give true or false")
    return value


def moment(value: Any) -> datetime:
    """A moment with its offset from UTC."""
    read = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(read, datetime) or read.tzinfo is None:
        raise ValueError("give a moment with its offset from UTC")
    return read


def uplift(value: Any) -> Decimal:
    """Demand added, as a share of one."""
    added = Decimal(str(value))
    if not added.is_finite() or not -1 < added <= 100:
        raise ValueError("give the demand added as a share above -1, such as 1.5")
    return added.quantize(Decimal("0.001"))


def one_of(*choices: type[models.TextChoices]) -> Callable[[Any], str]:
    """One of the words of some lists."""
    known = [word for one in choices for word in one.values]

    def read(value: Any) -> str:
        if value not in known:
            raise ValueError(f"one of {', '.join(known)}")
        return str(value)

    return read


def codes_list(value: Any) -> list[str]:
    """A list of codes."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError("give a list of codes")
    return value


def weekdays(value: Any) -> list[int]:
    """ISO numbers of weekdays, in order."""
    if not isinstance(value, list) or not all(one in range(1, 8) for one in value):
        raise ValueError("give ISO weekdays, 1 (Monday) to 7")
    return sorted(set(value))
