"""What speaks for a cause: late, refused and repeated messages, stock held apart, remedies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from django.db import connection

from inventory_control.core import clock
from inventory_control.core.sql import named_statements
from inventory_control.reconciliation.models import Discrepancy, Remedy
from inventory_control.reconciliation.rules import causes_of
from inventory_control.reconciliation.states import DiscrepancyStatus, RemedyStatus
from inventory_control.reconciliation.values import Cause, Facts, Key, Terms

_SQL = named_statements(Path(__file__).parents[1] / "evidence.sql")
LOOKS_BACK = timedelta(days=30)


def accepted_differences() -> Mapping[Key, int]:
    """The difference last accepted of each number, signed: it raises nothing while it stays so.

    An acceptance counts until the same number differs otherwise and that opens a discrepancy.
    """
    rows = (
        Discrepancy.objects.order_by("system", "item_id", "node_id", "state", "-pk")
        .distinct("system", "item_id", "node_id", "state")
        .values_list("system", "item_id", "node_id", "state", "status", "unexplained")
    )
    return {
        (system, item_id, node_id, state): unexplained
        for system, item_id, node_id, state, status, unexplained in rows
        if status == DiscrepancyStatus.ACCEPTED
    }


def remedies_carried_out(
    discrepancies: Iterable[Discrepancy],
) -> dict[int, list[tuple[str, str, int, int]]]:
    """What was done about some discrepancies, in order: (path, reason, units, target)."""
    done: dict[int, list[tuple[str, str, int, int]]] = defaultdict(list)
    rows = Remedy.objects.filter(
        discrepancy__in=[one.pk for one in discrepancies], status=RemedyStatus.CARRIED_OUT
    ).order_by("pk")
    for remedy in rows:
        done[remedy.discrepancy_id].append(
            (remedy.path, remedy.reason, remedy.units, remedy.target)
        )
    return done


def late_units_of(discrepancies: Iterable[Discrepancy]) -> dict[int, int]:
    """Units of events that arrived after a discrepancy opened and belonged before it."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL["late_units"], {"ids": [one.pk for one in discrepancies]})
        return {pk: int(units) for pk, units in cursor.fetchall()}


def causes_for(discrepancies: Sequence[Discrepancy], terms: Terms) -> dict[int, tuple[Cause, ...]]:
    """Cause candidates of some discrepancies, the likeliest first; one statement."""
    facts = _facts(discrepancies, clock.now() - LOOKS_BACK, terms.late_after)
    return {one.pk: causes_of(one.unexplained, facts.get(one.pk, Facts())) for one in discrepancies}


def facts_for(one: Discrepancy, terms: Terms) -> Facts:
    """Everything known around one discrepancy."""
    found = _facts([one], clock.now() - LOOKS_BACK, terms.late_after)
    return found.get(one.pk, Facts())


def _facts(
    discrepancies: Sequence[Discrepancy], since: datetime, late_after: timedelta
) -> dict[int, Facts]:
    if not discrepancies:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["facts"],
            {
                "ids": [one.pk for one in discrepancies],
                "since": since,
                "late_after": late_after.total_seconds(),
            },
        )
        return {
            pk: Facts(
                late_events=int(late_events),
                late_units=int(late_units),
                refused=int(refused),
                refused_unmapped=int(unmapped),
                conflicts=int(conflicts),
                repeated=int(repeated),
                uninspected=int(uninspected),
                in_transit=int(in_transit),
                claimed=int(claimed),
                counts_pending=int(counts),
                earlier=int(earlier),
            )
            for (
                pk, late_events, late_units, refused, unmapped, conflicts, repeated, uninspected,
                in_transit, claimed, counts, earlier,
            ) in cursor.fetchall()
        }  # fmt: skip
