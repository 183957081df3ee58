"""Thawing: what a recount froze is sold again once it was counted, or nobody doubts it any more."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.db.models import QuerySet

from inventory_control.core.actors import Actor
from inventory_control.core.places import Place
from inventory_control.reconciliation.models import Remedy
from inventory_control.reconciliation.selectors.mismatches import spots_of
from inventory_control.stock.services import thaw_places

HOLDER = Actor.system("reconciliation")
"""Whoever asked for the recount, the hold is lifted by the stage that placed it."""


def thaw_counted(counted: Mapping[Place, datetime], *, by: Actor) -> None:
    """Let items be sold again that were counted, at the given moment, after somebody asked."""
    freezing = list(_freezing().filter(discrepancy__item_id__in={item for item, _ in counted}))
    places = _places(freezing)
    _thaw(
        [
            remedy
            for remedy in freezing
            if (at := counted.get(places[remedy.pk])) is not None and remedy.proposed_at <= at
        ],
        by,
    )


def thaw_closed(discrepancy_ids: Collection[int], *, by: Actor) -> None:
    """Let items be sold again whose discrepancies are closed: there is nothing left to count for."""
    _thaw(list(_freezing().filter(discrepancy_id__in=discrepancy_ids)), by)


def _freezing() -> QuerySet[Remedy]:
    return (
        Remedy.objects.select_for_update(of=("self",))
        .filter(is_freezing=True)
        .select_related("discrepancy__node")
        .order_by("pk")
    )


def _thaw(remedies: Sequence[Remedy], by: Actor) -> None:
    if not remedies:
        return
    Remedy.objects.filter(pk__in=[one.pk for one in remedies]).update(is_freezing=False)
    thaw_places(list(_places(remedies).values()), reason="Counted, or settled.", by=HOLDER)


def _places(remedies: Sequence[Remedy]) -> dict[int, Place]:
    """Where each remedy's count counts; a remedy that freezes is always about one node."""
    spots = spots_of(remedy.discrepancy for remedy in remedies)
    return {
        remedy.pk: (item_id, node_id or 0)
        for remedy in remedies
        for item_id, node_id, _ in [spots[remedy.discrepancy_id]]
    }
