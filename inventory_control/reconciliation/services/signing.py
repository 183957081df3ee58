"""Signing a day off: somebody answers for the numbers of that day, with the figures they saw."""

from __future__ import annotations

from datetime import date

from django.db import IntegrityError, transaction

from inventory_control.audit.services import record
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import Refused
from inventory_control.core.permissions import require
from inventory_control.reconciliation import permissions
from inventory_control.reconciliation.errors import SignedAlreadyError
from inventory_control.reconciliation.models import SignOff
from inventory_control.reconciliation.selectors.pages import day_figures


def sign_off(*, day: date, note: str = "", by: Actor) -> SignOff:
    """Sign a day off, once; discrepancies still open are part of what is signed.

    Refuses a day that has not come, a day without a comparison, and silence about open
    discrepancies: whoever signs with something open says in the note what becomes of it.
    """
    require(by, permissions.SIGN)
    if day > clock.now().date():
        raise Refused(f"{day} has not come yet.", field="day")
    figures = day_figures(day)
    if not figures.comparisons:
        raise Refused(f"Nothing was compared on {day}; run a comparison first.", field="day")
    if (figures.open or figures.untied_totals) and not note.strip():
        raise Refused(
            f"{figures.open} discrepancies and {figures.untied_totals} control totals are open; "
            "say in the note what becomes of them.",
            field="note",
        )
    try:
        with transaction.atomic():
            signed: SignOff = SignOff.objects.create(
                day=day,
                signed_at=clock.now(),
                signed_by=by.id,
                note=note.strip()[:300],
                comparisons=figures.comparisons,
                compared=figures.compared,
                open=figures.open,
                value=figures.value,
                untied_totals=figures.untied_totals,
                minutes=figures.minutes,
            )
            record(
                "day.signed_off",
                subject=("day", day.isoformat()),
                by=by,
                data={
                    "comparisons": figures.comparisons,
                    "compared": figures.compared,
                    "open": figures.open,
                    "value": figures.value,
                    "minutes": figures.minutes,
                    "note": signed.note,
                },
            )
    except IntegrityError:
        raise SignedAlreadyError(f"{day} was signed off before.", field="day") from None
    return signed
