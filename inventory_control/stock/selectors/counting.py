"""Stated quantities: what became of them, and which wait for a person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inventory_control.stock.models import Assertion
from inventory_control.stock.selectors.positions import Place
from inventory_control.stock.states import Verdict


def counts_of_events(event_ids: Sequence[int]) -> list[Assertion]:
    """What became of the quantities some events stated, with their verdicts."""
    counts = Assertion.objects.filter(event_id__in=list(event_ids)).select_related("item", "node")
    return list(counts.order_by("event_id"))


def pending_counts(places: Iterable[Place]) -> list[Assertion]:
    """Counts out of tolerance that wait for a person, at some places."""
    asked = set(places)
    pending = Assertion.objects.filter(
        verdict=Verdict.PENDING, item_id__in={item for item, _ in asked}
    ).order_by("item_id", "node_id", "occurred_at")
    return [one for one in pending if (one.item_id, one.node_id) in asked]


def adjustments_of(event_ids: Sequence[int]) -> list[Assertion]:
    """The counts behind some events, each with the adjustment the ledger carries for it."""
    return list(Assertion.objects.filter(pk__in=event_ids).order_by("pk"))
