"""Up to where the ledger was retired, and what may be retired next."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from inventory_control.stock.errors import BeforeHorizonError
from inventory_control.stock.rules import why_kept
from inventory_control.stock.states import NO_EVENT
from inventory_control.stock.values import Horizon, LedgerPart


def ledger_horizon() -> Horizon | None:
    """Up to where the ledger was retired, or None; the layer carried forward says so itself."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT occurred_at, posted_at FROM stock_ledgerentry WHERE event_id = %s LIMIT 1",
            [NO_EVENT],
        )
        found = cursor.fetchone()
    return None if found is None else Horizon(*found)


def ledger_parts() -> list[LedgerPart]:
    """The partitions of the ledger, oldest first, and why each may not be retired."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT part, since, until, lines, bytes, horizon, blockers FROM ic_sys.ledger_parts()"
        )
        return [
            LedgerPart(
                name=name,
                since=since,
                until=until,
                lines=lines,
                bytes=size,
                horizon=horizon,
                blockers=tuple(why_kept(code) for code in codes),
            )
            for name, since, until, lines, size, horizon, codes in cursor.fetchall()
        ]


def refuse_retired(moment: datetime, field: str, *, known_at: datetime | None = None) -> None:
    """A figure of a time whose lines were retired would be wrong; none is given.

    Asked after the figure was read, so that a part retired in between refuses it too.
    """
    horizon = ledger_horizon()
    if horizon is None:
        return
    if moment < horizon.at:
        raise BeforeHorizonError(
            f"The ledger before {horizon.at.isoformat()} was retired; ask for that moment or later.",
            field=field,
            extra={"horizon": horizon.at.isoformat()},
        )
    if known_at is not None and known_at < horizon.posted_until:
        raise BeforeHorizonError(
            f"What was known before {horizon.posted_until.isoformat()} was retired; ask for that"
            " moment or later.",
            field="known_at",
            extra={"horizon": horizon.posted_until.isoformat()},
        )
