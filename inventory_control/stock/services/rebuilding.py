"""Rebuilding: derive every balance and claim counter from the ledger again, and compare."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.db import connection, transaction

from inventory_control.audit.services import record
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.permissions import require
from inventory_control.core.sql import named_statements
from inventory_control.stock import permissions

_SQL = named_statements(Path(__file__).parents[1] / "rebuild.sql")
_COMPARE = _SQL["compare"].replace(":truth", _SQL["truth"])
_PLACES = _SQL["places"].replace(":truth", _SQL["truth"])
_REPAIR = _SQL["repair"].replace(":truth", _SQL["truth"])


NAMED = 100
"""So many figures that differ are named; whoever finds more has another problem."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of a place that is not what ledger, claims, counts and holds say."""

    sku: str
    node: str
    figure: str
    found: int
    right: int


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild found: rows compared, units of difference, and the sum over all accounts.

    `ledger_sum` is the largest absolute sum of any item over all its accounts; double entry
    makes it zero. `places` names the first figures that differ.
    """

    rows: int
    difference: int
    ledger_sum: int
    places: tuple[Difference, ...] = ()


@transaction.atomic
def rebuild_balances(*, by: Actor, repair: bool = False) -> Rebuilt:
    """Compare every balance with what entries, claims, counts and holds say; repair if asked.

    Writers wait: the balance table is locked against them for the one statement it takes, so
    the comparison is exact.
    """
    require(by, permissions.ADJUST)
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE stock_stockbalance IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(_COMPARE)
        rows, difference = cursor.fetchone()
        cursor.execute(_SQL["ledger_sum"])
        (ledger_sum,) = cursor.fetchone()
        places: tuple[Difference, ...] = ()
        if difference:
            cursor.execute(_PLACES, [NAMED])
            places = tuple(Difference(*row) for row in cursor.fetchall())
        if repair and difference:
            cursor.execute(_REPAIR, {"now": clock.now()})
            record(
                "balances.rebuilt",
                subject=("ledger", "balances"),
                by=by,
                data={"rows": rows, "difference": int(difference)},
            )
            ring("availability")
    return Rebuilt(rows=rows, difference=int(difference), ledger_sum=int(ledger_sum), places=places)
