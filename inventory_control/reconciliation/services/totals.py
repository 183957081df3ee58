"""Control totals: how many messages a source says it sent, against how many are here."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from inventory_control.audit.services import advance, record
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.errors import Refused
from inventory_control.core.permissions import require
from inventory_control.reconciliation import permissions
from inventory_control.reconciliation.models import ControlTotal
from inventory_control.reconciliation.rules import missing_ids
from inventory_control.reconciliation.selectors.totals import arrived, refused_count
from inventory_control.reconciliation.states import TotalStatus
from inventory_control.reconciliation.values import Declaration

LONGEST_WINDOW = timedelta(days=31)
MOST_IDS = 10_000
CHECKED_FOR = timedelta(days=7)
"""How long after its window an open total is looked at again in every run."""


def declare_total(declaration: Declaration, *, by: Actor) -> ControlTotal:
    """Take a source's word on how many messages it sent; the same window again replaces it."""
    require(by, permissions.DECLARE)
    return note_declaration(declaration, by=by)


@transaction.atomic
def note_declaration(declaration: Declaration, *, by: Actor) -> ControlTotal:
    """Keep a declaration and check it at once; one that is older than the known one is dropped."""
    if declaration.until - declaration.since > LONGEST_WINDOW:
        raise Refused(f"A window has at most {LONGEST_WINDOW.days} days.", field="to")
    if len(declaration.ids) > MOST_IDS:
        raise Refused(f"At most {MOST_IDS:,} ids a declaration.", field="ids")
    now = clock.now()
    total, is_new = ControlTotal.objects.select_for_update().get_or_create(
        source=declaration.source,
        direction=declaration.direction,
        type=declaration.type,
        since=declaration.since,
        until=declaration.until,
        defaults={
            "expected": declaration.expected,
            "ids": sorted(set(declaration.ids)),
            "declared_at": declaration.declared_at,
            "checked_at": now,
        },
    )
    if not is_new and declaration.declared_at < total.declared_at:
        return total
    total.expected, total.declared_at = declaration.expected, declaration.declared_at
    total.ids = sorted(set(declaration.ids))
    total.save(update_fields=["expected", "declared_at", "ids"])
    record(
        "control_total.declared",
        subject=("controltotal", str(total.pk)),
        by=by,
        data={
            "source": total.source,
            "direction": total.direction,
            "type": total.type,
            "expected": total.expected,
        },
    )
    return _check(total, by)


def check_totals(*, by: Actor) -> int:
    """Look again at every total that does not tie; returns how many tie now."""
    waiting = ControlTotal.objects.select_for_update().filter(
        status=TotalStatus.OPEN, until__gt=clock.now() - CHECKED_FOR
    )
    return sum(_check(total, by).status == TotalStatus.TIED for total in waiting.order_by("pk"))


def _check(total: ControlTotal, by: Actor) -> ControlTotal:
    """Count what is here, list what is missing, and move the total to what that says."""
    found = arrived(total)
    before = (total.received, total.refused, total.missing)
    total.received = found.count
    total.refused = refused_count(total)
    total.missing = missing_ids(total.ids, found.ids) if total.gap > 0 else []
    total.checked_at = clock.now()
    wanted = TotalStatus.OPEN if total.gap else TotalStatus.TIED
    is_news = wanted != total.status_value or before != (
        total.received,
        total.refused,
        total.missing,
    )
    total.is_news = total.is_news or is_news
    total.save(update_fields=["received", "refused", "missing", "checked_at", "is_news"])
    if is_news:
        ring("detect")
    if wanted == total.status_value:
        return total
    return advance(total, wanted, by=by, verb=f"control_total.{_VERBS[wanted]}")


_VERBS = {TotalStatus.OPEN: "reopened", TotalStatus.TIED: "tied"}
