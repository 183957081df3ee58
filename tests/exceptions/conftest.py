"""A hand that lets facts reach the detectors, and cases made directly for the queue."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from exceptions.models import ExceptionCase
from exceptions.services import detect_due
from inventory_control.availability.services import recalculate_due
from inventory_control.core import clock
from tests.factories import SYSTEM, send

_numbers = itertools.count(1)
_FILL = """
    INSERT INTO exceptions_exceptioncase (
        kind, key, document, severity, units, at_stake, summary, evidence, opened_at,
        due_at, last_seen_at, seen, version, assignee, resolution, reason, governed_by,
        correlation_id, status, closed_at
    )
    SELECT 'oversell', 'oversell:' || n, '', 1 + n %% 4, n, n %% 7 * 100, 'A case',
           '{}', %(at)s, %(at)s + (1 + n %% 11) * interval '1 hour', %(at)s, 1, 1, '', '', '',
           '', '', CASE WHEN n %% 10 = 0 THEN 'resolved' ELSE 'open' END,
           CASE WHEN n %% 10 = 0 THEN %(at)s::timestamptz END
      FROM generate_series(1, %(cases)s) AS n
"""


@pytest.fixture
def happen() -> Callable[..., int]:
    """Post events, work out what may be sold, detect; answers how many places were looked at."""

    def carry_out(*bodies: dict[str, Any]) -> int:
        assert {str(answer.outcome) for answer in send(*bodies)} <= {"posted"}
        recalculate_due(by=SYSTEM)
        return detect_due(by=SYSTEM)

    return carry_out


@pytest.fixture
def make_case() -> Callable[..., ExceptionCase]:
    """An open case of medium rank, due tomorrow; any field may be given."""

    def make(**fields: Any) -> ExceptionCase:
        now = clock.now()
        case: ExceptionCase = ExceptionCase.objects.create(
            **{
                "kind": "negative_stock",
                "key": f"negative_stock:K{next(_numbers)}",
                "severity": 3,
                "units": 1,
                "summary": "A case",
                "opened_at": now,
                "due_at": now + timedelta(days=1),
                "last_seen_at": now,
                **fields,
            }
        )
        return case

    return make


@pytest.fixture
def fill() -> Callable[[int], None]:
    """Many cases with many ties in every sort key, one in ten closed."""

    def insert(cases: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_FILL, {"at": clock.now(), "cases": cases})

    return insert
