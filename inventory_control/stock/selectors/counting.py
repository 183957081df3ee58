"""Stated quantities: what became of them, and which wait for a person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inventory_control.core.places import Place, Places
from inventory_control.core.sql import hot
from inventory_control.stock.models import Assertion
from inventory_control.stock.selectors.cards import CARD_SQL
from inventory_control.stock.values import PendingCount


def counts_of_events(event_ids: Sequence[int]) -> list[Assertion]:
    """What became of the quantities some events stated, with their verdicts."""
    counts = Assertion.objects.filter(event_id__in=list(event_ids)).select_related("item", "node")
    return list(counts.order_by("event_id"))


def pending_counts(places: Iterable[Place]) -> list[PendingCount]:
    """Counts out of tolerance that wait for a person, at some places."""
    found = hot(CARD_SQL["pending_counts"], Places.of(places).arrays)
    return [PendingCount(*row) for row in found]


def adjustments_of(event_ids: Sequence[int]) -> list[Assertion]:
    """The counts behind some events, each with the adjustment the ledger carries for it."""
    return list(Assertion.objects.filter(pk__in=event_ids).order_by("pk"))
