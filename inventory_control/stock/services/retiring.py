"""Retiring: what a ledger no longer has to keep is carried forward as opening balances, then goes."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from inventory_control.audit.services import record
from inventory_control.core.actors import Actor
from inventory_control.core.permissions import require
from inventory_control.core.telemetry import log
from inventory_control.policies.values import LEDGER_RETENTION
from inventory_control.stock import permissions
from inventory_control.stock.errors import LedgerBusyError, NotRetirableError
from inventory_control.stock.rules import why_kept
from inventory_control.stock.selectors import ledger_parts
from inventory_control.stock.values import LedgerPart, RetiredPart

_logger = log(__name__)


def retire_ledger(*, before: datetime, by: Actor) -> list[RetiredPart]:
    """Retire every part of the ledger that ends before a moment, oldest first, or none at all.

    Each part goes in a transaction of its own with the layer that stands for it and an audit
    entry. What may go is decided by the owner of the tables (`ic_sys.retire_ledger`), from the
    tenant's policy, legal holds, locks and sign-offs. Raises `NotRetirableError` naming the first
    part that may not, `LedgerBusyError` when the ledger could not be had.
    """
    require(by, permissions.ADJUST)
    parts = parts_before(before)
    if not parts:
        raise NotRetirableError(
            f"No closed part of the ledger ends before {before.isoformat()}; the newest part is"
            " never retired."
        )
    for part in parts:
        _refuse_blocked(part.name, part.blockers)
    return [_retire(part, by=by) for part in parts]


def retire_due(*, by: Actor) -> int:
    """Retire what the policy lets go, as far as nothing stands in the way; how many parts went."""
    require(by, permissions.ADJUST)
    retired = 0
    for part in ledger_parts():
        if part.blockers:
            break
        try:
            _retire(part, by=by)
        except (NotRetirableError, LedgerBusyError) as error:
            _logger.info("ledger.kept", part=part.name, why=error.detail)
            break
        retired += 1
    return retired


def parts_before(moment: datetime) -> list[LedgerPart]:
    """The closed parts of the ledger that end before a moment, oldest first."""
    return [part for part in ledger_parts() if part.until is not None and part.until <= moment]


@transaction.atomic
def _retire(part: LedgerPart, *, by: Actor) -> RetiredPart:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT horizon, lines, bytes, blockers, carried, layer, policy_version"
            " FROM ic_sys.retire_ledger(%s)",
            [part.name],
        )
        found = cursor.fetchone()
    if found is None:
        raise LedgerBusyError
    horizon, lines, size, blockers, carried, layer, version = found
    _refuse_blocked(part.name, [why_kept(code) for code in blockers])
    record(
        "ledger_partition.retired",
        subject=("ledger", part.name),
        by=by,
        data={
            "since": part.since.isoformat() if part.since else None,
            "until": part.until.isoformat() if part.until else None,
            "horizon": horizon.isoformat(),
            "lines": lines,
            "bytes": size,
            "carried": carried,
            "layer": layer,
            "policy": f"{LEDGER_RETENTION} v{version}",
        },
    )
    return RetiredPart(part=part, carried=carried, layer=layer)


def _refuse_blocked(name: str, blockers: list[str] | tuple[str, ...]) -> None:
    if blockers:
        raise NotRetirableError(f"{name} stays: {' '.join(blockers)}", extra={"part": name})
